"""Alarms on the settings measured in docs/method.md#drift-collapse, silence on healthy ones; the report agrees."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from codo.core.run import Run
from codo.evaluation.health import HealthMonitor, HealthReference, slow_loader
from codo.evaluation.health_checks import judge
from codo.evaluation.run_metrics import Metrics

CHANCE = math.log(4097)
REFERENCE = HealthReference.of(dim=128, queue=4096)


def row(loss: float, top1: float, std: float, norm: float, wait: float = 0.0) -> dict[str, float]:
    values = {"time/data_wait": wait}
    for level in ("P2", "P5"):
        values |= {f"loss/{level}": loss, f"top1/{level}": top1, f"std/{level}": std, f"mean_norm/{level}": norm}
    return values


def alarms(step: int = 1000, **values: float) -> list[str]:
    health = HealthMonitor(REFERENCE)
    return health.look(step, row(**values))


@pytest.mark.parametrize(
    ("loss", "top1", "std", "norm"),
    [(7.97, 0.95, 0.004, 0.99), (7.98, 1.0, 0.004, 0.99), (6.91, 0.3, 0.0019, 1.0), (7.71, 0.9, 0.0007, 1.0)],
)
def test_the_drifting_rows_of_the_table(loss: float, top1: float, std: float, norm: float) -> None:
    (message,) = alarms(loss=loss, top1=top1, std=std, norm=norm)
    assert message.startswith("Drift collapse")
    assert "optim.lr" in message


@pytest.mark.parametrize(("loss", "std", "norm"), [(8.18, 0.051, 0.77), (8.0, 0.062, 0.66), (7.87, 0.066, 0.62)])
def test_the_healthy_rows_of_the_table(loss: float, std: float, norm: float) -> None:
    assert alarms(loss=loss, top1=0.0, std=std, norm=norm) == []


def test_late_success_is_no_alarm() -> None:
    """A trained model finds most keys: top-1 is high, but the embeddings are spread and the loss is low."""
    assert alarms(loss=1.5, top1=0.8, std=0.085, norm=0.2) == []


def test_plain_collapse() -> None:
    (message,) = alarms(loss=CHANCE, top1=0.0, std=0.001, norm=0.999)
    assert message.startswith("Collapse")


def test_one_bad_level_is_enough() -> None:
    health = HealthMonitor(REFERENCE)
    values = row(8.0, 0.0, 0.06, 0.7) | {"std/P5": 0.001, "mean_norm/P5": 1.0}
    assert "P5" in health.look(1000, values)[0]


def test_the_start_is_not_judged() -> None:
    assert alarms(step=199, loss=CHANCE, top1=0.0, std=0.001, norm=0.999) == []


def test_drift_is_seen_early() -> None:
    """Values of a real run with lr .06 and momentum .99, at step 100."""
    (message,) = alarms(step=100, loss=5.84, top1=0.27, std=0.023, norm=0.952)
    assert message.startswith("Drift collapse")
    assert alarms(step=10, loss=5.84, top1=0.27, std=0.023, norm=0.952) == []


def drifting(norm: float, std: float, drift: float, top1: float = 0.05) -> list[list[str]]:
    """The alarms at steps 10, 20, … 60 of a run that stays at these values."""
    health = HealthMonitor(REFERENCE)
    values = row(8.2, top1, std, norm) | {"drift/P2": drift, "drift/P5": 0.01}
    return [health.look(step, values) for step in range(10, 70, 10)]


def test_drift_is_seen_before_top1_rises() -> None:
    """Values of a real run at step 30 (full spread is .088), which raised no alarm while top-1 was low."""
    seen = drifting(norm=0.988, std=0.0135, drift=0.30)
    assert seen[:5] == [[]] * 5  # too early for any judgment
    (message,) = seen[5]
    assert message.startswith("Drift collapse")
    assert "drift 0.30 on P2" in message


@pytest.mark.parametrize(("norm", "std", "drift"), [(0.939, 0.029, 0.109), (0.891, 0.038, 0.107), (0.6, 0.07, 0.4)])
def test_fast_keys_of_a_run_that_spreads_out_are_no_drift(norm: float, std: float, drift: float) -> None:
    """The two highest values of a healthy run without momentum, and more in embeddings that point everywhere."""
    assert drifting(norm, std, drift) == [[]] * 6


def test_the_report_names_the_drift() -> None:
    rows = [{"step": step, **row(8.2, 0.05, 0.0135, 0.988), "drift/P2": 0.3} for step in range(10, 70, 10)]
    checks = {check.name: check for check in judge(Metrics(rows), REFERENCE).checks}
    assert checks["Top-1"].tone == "bad"
    assert "new keys are nearer than old ones by 0.300" in checks["Top-1"].finding


def test_waiting_for_data() -> None:
    health = HealthMonitor()
    seen = []
    for step in range(1, 7):
        assert health.look(step, {"time/data_wait": 0.3}) == []  # times differ from run to run, alarms do not
        seen.append(health.slow())
    assert seen[:4] == [None] * 4  # not for a single slow stretch
    assert "workers=" in str(seen[4])
    assert "--pack" in str(seen[5])


def test_reference_values() -> None:
    config = {"contrast": {"queue": 4096}, "model": {"embedding_dim": 128}, "optim": {"warmup_steps": 300}}
    reference = HealthReference.of_config(config)
    assert reference.chance_loss == pytest.approx(8.318, abs=1e-3)
    assert reference.uniform_std == pytest.approx(0.0884, abs=1e-4)
    assert reference.grace == 600
    assert HealthReference.of_config({}) == HealthReference(None, None, 200)
    assert HealthReference.of_config({"model": {"embedding_dim": "?"}}).uniform_std is None


def test_the_report_reads_what_training_has_recorded(make_run: Callable[..., Run]) -> None:
    run = make_run()
    assert HealthReference.read(run) == HealthReference.of(dim=128, queue=4096)  # an earlier version's: by the settings
    recorded = HealthReference.of(dim=16, queue=None, grace=2000)  # of a method without a queue
    recorded.write(run)
    assert HealthReference.read(run) == recorded
    (run.path / "health.json").write_text('{"torn')
    assert HealthReference.read(run).grace == 200


SHARES = st.sampled_from([0.0, 0.05, 0.2, 0.24, 0.26, 0.3, 0.49, 0.51, 0.6, 0.86, 0.9, 0.91, 0.96, 0.97, 0.98, 1.0])
STAYS = st.tuples(st.integers(1, 12), SHARES, SHARES, SHARES, SHARES | st.none())
"""A stretch of a log: rows, then std and loss as shares of their references, norm and top-1."""


def course(stretches: list[tuple[Any, ...]], every: int) -> list[dict[str, Any]]:
    """The rows of a log that stays at some values for a while, then at others; P3 is healthy all the time."""
    rows: list[dict[str, Any]] = []
    for count, std, norm, top1, loss in stretches:
        for _ in range(count):
            row: dict[str, Any] = {"step": every * (len(rows) + 1), "time/data_wait": top1}
            row |= {"std/P2": std / math.sqrt(128), "mean_norm/P2": norm, "top1/P2": top1}
            row |= {"std/P3": 0.08, "mean_norm/P3": 0.1, "top1/P3": 0.0, "loss/P3": 1.0}
            rows.append(row | {"loss/P2": None if loss is None else loss * CHANCE})
    return rows


@given(st.lists(STAYS, min_size=1, max_size=6), st.sampled_from([1, 10, 60]), st.data())
@example([(30, 0.24, 0.96, 0.0, 1.0)], 10, None)  # a spread below a quarter, which only the report minded
@example([(30, 0.3, 0.91, 0.26, 0.6)], 10, None)  # drift, which only the alarm saw
@example([(10, 0.05, 0.98, 0.0, 1.0), (10, 0.2, 0.96, 0.0, 1.0)], 10, None)  # recovering
@example([(2, 0.05, 0.98, 0.0, 1.0)], 60, None)  # too few rows to be called healthy
def test_alarms_and_verdict_never_contradict(stretches: list[tuple[Any, ...]], every: int, data: Any) -> None:
    rows = course(stretches, every)
    logged = [json.loads(json.dumps(row)) for row in rows]
    cut = data.draw(st.integers(0, len(rows) - 1)) if data else 0  # where the run was stopped and started again
    monitor = HealthMonitor(REFERENCE)
    monitor.replay(logged[:cut])
    for row in rows[cut:]:
        raised = monitor.look(row["step"], row)
    verdict = judge(Metrics(logged), REFERENCE)
    failed = [check.name for check in verdict.checks if check.tone == "bad"]
    assert bool(raised) == bool(failed) == (verdict.tone == "bad"), (raised, verdict)
    assert any(alarm.startswith("Drift") for alarm in raised) == ("Top-1" in failed)
    assert any("not finite" in alarm for alarm in raised) == ("Loss" in failed)
    assert monitor.slow() == slow_loader(Metrics(logged).series("time/data_wait").values)
