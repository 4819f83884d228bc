"""Poor features: the trunks of docs/method.md#small-runs, in training and in the report."""

from __future__ import annotations

from typing import Any

import pytest

from codo.evaluation.health import HealthMonitor, HealthReference
from codo.evaluation.health_checks import Check, judge
from codo.evaluation.run_metrics import Metrics

REFERENCE = HealthReference.of(dim=128, queue=4096)


def course(healthy: list[dict[str, Any]], rank: float, dead: float, fpn: float = 41) -> list[dict[str, Any]]:
    """A healthy course of 400 steps with probes at step 0, where the ranks are 210 and 82, and at the end."""
    features = {"features/box_head/rank": 210, "features/box_head/dead": 0.0}
    features |= {"features/fpn/rank": 82, "features/fpn/dead": 0.0, "features/fpn/std": 0.9}
    rows = [{"step": 0, **features}, *({**row, "step": 10 * row["step"]} for row in healthy)]
    rows[-1] |= {"features/box_head/rank": rank, "features/box_head/dead": dead}
    rows[-1] |= {"features/fpn/rank": fpn, "features/fpn/dead": 0.0, "features/fpn/std": 0.9}
    return rows


def warnings(rows: list[dict[str, Any]]) -> list[str]:
    """As training gives them: the probes of a step come after its other values."""
    monitor = HealthMonitor(REFERENCE)
    monitor.replay(rows[:1])
    found = []
    for row in rows[1:]:
        assert monitor.look(row["step"], {key: x for key, x in row.items() if not key.startswith("features/")}) == []
        found = monitor.probed(row["step"], row)
    return found


def check(rows: list[dict[str, Any]]) -> Check:
    return next(check for check in judge(Metrics(rows), REFERENCE).checks if check.name == "Exported features")


def test_the_trunk_that_gained(healthy: list[dict[str, Any]]) -> None:
    rows = course(healthy, rank=108, dead=0.16)
    assert warnings(rows) == []
    assert check(rows).tone == "good"
    assert judge(Metrics(rows), REFERENCE).tone == "good"


def test_the_trunk_that_lost(healthy: list[dict[str, Any]]) -> None:
    rows = course(healthy, rank=56, dead=0.38, fpn=21)
    told = warnings(rows)
    assert len(told) == 2
    assert "Features of the box_head" in told[0]
    assert "Features of the fpn" in told[1]
    found = check(rows)
    assert found.tone == "watch"
    assert "box_head: effective rank 56" in found.finding
    assert "38% of the units dead" in found.finding
    assert judge(Metrics(rows), REFERENCE).tone == "watch"


@pytest.mark.parametrize(
    ("rank", "dead", "poor"), [(62, 0.0, True), (64, 0.0, False), (200, 0.41, False), (200, 0.51, True)]
)
def test_either_sign_is_enough(healthy: list[dict[str, Any]], rank: float, dead: float, poor: bool) -> None:
    assert bool(warnings(course(healthy, rank, dead))) == poor
    assert (check(course(healthy, rank, dead)).tone == "watch") == poor


def test_units_that_were_dead_at_first_are_not_the_run_s_doing(healthy: list[dict[str, Any]]) -> None:
    rows = course(healthy, rank=200, dead=0.6)
    rows[0]["features/box_head/dead"] = 0.6
    assert warnings(rows) == []


def test_a_young_run_is_not_judged(healthy: list[dict[str, Any]]) -> None:
    monitor = HealthMonitor(REFERENCE)
    rows = course(healthy, rank=10, dead=0.9)
    monitor.replay(rows[:1])
    assert monitor.probed(199, rows[-1]) == []
    assert monitor.probed(200, rows[-1]) != []


def test_an_interrupted_run_is_judged_by_its_first_value_too(healthy: list[dict[str, Any]]) -> None:
    rows = course(healthy, rank=56, dead=0.1)
    monitor = HealthMonitor(REFERENCE)
    monitor.replay(rows[:-1])
    assert len(monitor.probed(400, rows[-1])) == 1


def test_without_probes_there_is_no_check(healthy: list[dict[str, Any]]) -> None:
    assert all(check.name != "Exported features" for check in judge(Metrics(healthy), REFERENCE).checks)
