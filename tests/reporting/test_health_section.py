"""How verdict and alarms are shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from codo.core.run import Run
from codo.evaluation.health import HealthReference
from codo.evaluation.run_metrics import Metrics
from codo.reporting.health_section import health_block
from codo.reporting.html.blocks import Verdict
from codo.reporting.report import write_report

ReadPage = Callable[[Path], Any]
MakeRun = Callable[..., Run]
Rows = list[dict[str, Any]]


def test_alarms_are_listed_with_their_steps(make_run: MakeRun, healthy: Rows, read_page: ReadPage) -> None:
    for row in healthy[10:13]:
        row["alarms"] = ["Collapse <now>: lower optim.lr"]
    run = make_run(healthy)
    log = [
        "Collapse <now>: lower optim.lr",
        "The queue is larger than the data set",
        "The queue is larger than the data set",
    ]
    lines = ["2026-01-01T00:00:00+00:00 resumed from step 3", *(f"2026-01-01T00:00:00+00:00 WARNING {m}" for m in log)]
    (run.path / "train.log").write_text("\n".join(lines))
    page = read_page(write_report(run))
    assert page.tables[0][1:] == [
        ["train.log", "The queue is larger than the data set"],
        ["11 to 13 (3 times)", "Collapse <now>: lower optim.lr"],
    ]


def test_a_loader_that_is_slow_at_the_end_is_named(make_run: MakeRun, healthy: Rows, read_page: ReadPage) -> None:
    said = "Training waits for data more than 20% of the time"
    assert said not in read_page(write_report(make_run(healthy))).text
    for row in healthy[-5:]:
        row["time/data_wait"] = 0.5
    assert said in read_page(write_report(make_run(healthy, name="slow"))).text


def test_the_verdict_has_its_checks(healthy: Rows) -> None:
    for row in healthy:
        row["step"] *= 10
        row["top1/P4"] = 0.95
    metrics = Metrics(healthy)
    (block,) = health_block(metrics, HealthReference.of(dim=128, queue=4096))
    assert isinstance(block, Verdict)
    assert block.headline == "Collapsed: the embeddings carry no information (top-1)."
    assert block.tone == "bad"
    assert [(check.name, check.tone) for check in block.checks if check.tone != "good"] == [("Top-1", "bad")]
