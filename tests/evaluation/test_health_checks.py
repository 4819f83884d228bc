"""The verdict on made-up courses, among them the rows of docs/method.md#drift-collapse."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from codo.evaluation.health import HealthReference
from codo.evaluation.health_checks import Health, judge
from codo.evaluation.run_metrics import Metrics

CONFIG = {"contrast": {"queue": 4096}, "model": {"embedding_dim": 128}}
REFERENCE = HealthReference.of_config(CONFIG)
MakeLog = Callable[..., list[dict[str, Any]]]


def verdict_of(rows: list[dict[str, Any]], config: dict[str, Any] = CONFIG) -> Health:
    return judge(Metrics({**row, "step": 10 * row["step"]} for row in rows), HealthReference.of_config(config))


def tones(verdict: Health) -> dict[str, str]:
    return {check.name: check.tone for check in verdict.checks}


def test_a_healthy_course(healthy: list[dict[str, Any]]) -> None:
    verdict = verdict_of(healthy)
    assert verdict.tone == "good"
    assert verdict.headline.startswith("Healthy")
    assert set(tones(verdict).values()) == {"good"}
    assert not any(check.advice for check in verdict.checks)


def test_the_measured_healthy_run(make_log: MakeLog) -> None:
    # The last row of the table: loss 8.18 -> 7.87, std .051 -> .066, norm .77 -> .62, top-1 0.
    rows = make_log(loss=(8.3, 7.87), std=(0.02, 0.066), mean_norm=(0.95, 0.62), top1=(0.0, 0.0))
    assert verdict_of(rows).tone == "good"


@pytest.mark.parametrize(
    "ends",
    [
        {"loss": (8.32, 7.97), "top1": (0.0, 1.0), "std": (0.02, 0.001), "mean_norm": (0.95, 1.0)},
        {"loss": (8.32, 6.91), "top1": (0.0, 0.3), "std": (0.02, 0.0019), "mean_norm": (0.95, 1.0)},
        {"loss": (8.32, 7.71), "top1": (0.0, 0.9), "std": (0.02, 0.0007), "mean_norm": (0.95, 1.0)},
    ],
)
def test_the_measured_drift_collapses(make_log: MakeLog, ends: dict[str, tuple[float, float]]) -> None:
    verdict = verdict_of(make_log(**ends))
    assert verdict.tone == "bad"
    assert tones(verdict)["Embedding std"] == "bad"
    assert tones(verdict)["Mean embedding"] == "bad"
    assert tones(verdict)["Loss"] == "good"  # which is why the loss alone is not believed


def test_drift_collapse_shows_in_top1_alone(make_log: MakeLog) -> None:
    verdict = verdict_of(make_log(loss=(8.32, 7.9), top1=(0.0, 0.95)))
    assert tones(verdict)["Top-1"] == "bad"
    assert verdict.tone == "bad"


def test_a_high_top1_at_a_low_loss_is_success(make_log: MakeLog) -> None:
    assert tones(verdict_of(make_log(loss=(8.32, 1.0), top1=(0.0, 0.95))))["Top-1"] == "good"


def test_one_bad_level_is_enough(make_log: MakeLog) -> None:
    rows = make_log()
    for row in rows:
        row["std/P4"] = 0.001
    verdict = verdict_of(rows)
    finding = next(check for check in verdict.checks if check.name == "Embedding std")
    assert finding.tone == "bad"
    assert "0.00100 at P4" in finding.finding
    assert "1.1% of 1/√D = 0.0884" in finding.finding


def test_a_young_run_that_still_spreads_out_is_watched(make_log: MakeLog) -> None:
    verdict = verdict_of(make_log(std=(0.001, 0.03), mean_norm=(0.99, 0.93), loss=(8.3, 8.29)))
    assert verdict.tone == "watch"
    assert tones(verdict) == {
        "Embedding std": "watch",
        "Mean embedding": "watch",
        "Loss": "watch",
        "Top-1": "good",
    }


def test_a_loss_that_rises_first_is_judged_by_its_peak(make_log: MakeLog) -> None:
    rows = make_log(loss=(8.0, 8.0))
    for row in rows[5:15]:
        row.update({f"loss/{level}": 8.9 for level in ("P2", "P3", "P4", "P5")})
    assert tones(verdict_of(rows))["Loss"] == "good"


def test_a_broken_loss(make_log: MakeLog) -> None:
    rows = make_log()
    rows[-1]["loss/P3"] = None  # how the log writes NaN
    verdict = verdict_of(rows)
    assert verdict.headline == "The run broke: the loss is not finite."
    assert "Not finite at P3." in verdict.checks[2].finding


def test_advice_is_given_once(make_log: MakeLog) -> None:
    advice = [c.advice for c in verdict_of(make_log(std=(0.001, 0.001), mean_norm=(1.0, 1.0))).checks if c.advice]
    assert len(advice) == len(set(advice)) == 1


@pytest.mark.parametrize(("first", "last", "tone"), [(0.2, 0.6, "good"), (0.2, 0.19, "watch"), (0.05, 0.08, "watch")])
def test_invariance_is_read_against_chance_and_start(
    healthy: list[dict[str, Any]], first: float, last: float, tone: str
) -> None:
    chance = 1 / 15
    rows = [{"step": 0, "invariance": first, "invariance_chance": chance}, *healthy]
    rows[-1] |= {"invariance": last, "invariance_chance": chance}
    assert tones(verdict_of(rows))["Background invariance"] == tone


def test_too_little_is_not_judged(healthy: list[dict[str, Any]]) -> None:
    assert verdict_of([]).tone == "unknown"
    assert verdict_of(healthy[:4]).tone == "unknown"
    assert verdict_of([{"step": i, "loss": 1.0} for i in range(20)]).tone == "unknown"


def test_missing_values_and_settings_are_left_out(healthy: list[dict[str, Any]]) -> None:
    rows = [{key: value for key, value in row.items() if not key.startswith("std/")} for row in healthy]
    assert set(tones(verdict_of(rows))) == {"Mean embedding", "Loss", "Top-1"}
    assert set(tones(verdict_of(healthy, {}))) == {"Mean embedding"}
    assert math.isfinite(len(verdict_of(healthy, {"contrast": None}).checks))


def test_a_run_that_has_begun_to_recover_is_watched(make_log: MakeLog) -> None:
    # As at the start of real runs: down to nearly one point, then slowly apart again.
    rows = make_log(std=(0.012, 0.019), mean_norm=(0.995, 0.975))
    verdict = verdict_of(rows)
    assert tones(verdict)["Embedding std"] == "watch"
    assert tones(verdict)["Mean embedding"] == "watch"
    assert "It has fallen from 0.994." in verdict.checks[1].finding


def test_a_norm_that_rises_again_is_watched(make_log: MakeLog) -> None:
    assert tones(verdict_of(make_log(mean_norm=(0.5, 0.85))))["Mean embedding"] == "watch"


def test_a_run_of_few_steps_is_too_young_to_be_called_collapsed(make_log: MakeLog) -> None:
    collapsed = make_log(std=(0.02, 0.001), mean_norm=(0.95, 1.0))
    verdict = judge(Metrics(collapsed), REFERENCE)
    assert verdict.tone == "unknown"
    assert verdict.headline.startswith("Too young to judge: 40 steps of at least 200")
    assert set(tones(verdict).values()) == {"good", "unknown"}
    assert not any(check.advice for check in verdict.checks)
    assert verdict_of(collapsed).tone == "bad"


def test_a_young_run_can_still_be_healthy_or_broken(make_log: MakeLog) -> None:
    rows = make_log()
    assert judge(Metrics(rows), REFERENCE).tone == "good"
    rows[-1]["loss/P2"] = None
    assert judge(Metrics(rows), REFERENCE).tone == "bad"
