"""The file that is written, of a run and of the demo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from codo.advice.answer import Answer
from codo.core.run import Run
from codo.reporting.html.blocks import Section, Text
from codo.reporting.report import write_demo_report, write_report
from tests.reporting.conftest import finetune_config, finetune_rows, write_detections

ReadPage = Callable[[Path], Any]
MakeRun = Callable[..., Run]
Rows = list[dict[str, Any]]


def test_the_same_files_give_the_same_bytes(make_run: MakeRun, healthy: Rows) -> None:
    run = make_run(healthy)
    assert write_report(run).read_bytes() == write_report(run).read_bytes()


def test_the_demo_report(make_run: MakeRun, healthy: Rows, labeled: Path, tmp_path: Path, read_page: ReadPage) -> None:
    config = finetune_config(labeled)
    finetuned = {name: make_run(finetune_rows(), config, "finetune", name) for name in ("scratch", "CoDo")}
    for run in finetuned.values():
        write_detections(run)
    out = write_demo_report(
        tmp_path / "demo.html",
        title="Demo",
        label="Rendered scenes, not a benchmark.",
        answer=Answer("good", "CoDo helps."),
        results=[Section("What came out", [Text(["CoDo is ahead."])])],
        pretrained=make_run(healthy, name="pretrained"),
        finetuned=finetuned,
    )
    page = read_page(out)
    assert "Rendered scenes, not a benchmark." in page.text
    assert "CoDo helps." in page.text
    assert "CoDo is ahead." in page.text
    assert len(page.attributes("image")) == 2
    assert page.raw.count('<use href="#same-') == 4  # the same two images for scratch and CoDo
    assert "Healthy" in page.text
