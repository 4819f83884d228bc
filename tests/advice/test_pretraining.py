"""The conclusion of a pretraining run: each rule with the state that it follows from."""

from __future__ import annotations

from typing import Any

import pytest

from codo.advice.answer import Answer
from codo.advice.pretraining import before_and_now, pretraining_answer
from codo.advice.progress import Progress
from codo.evaluation.health import HealthReference
from codo.evaluation.run_metrics import Metrics, Series
from tests.reporting.conftest import course

FINISHED = Progress("finished", 400, 400)
CONFIG: dict[str, Any] = {"steps": 400, "optim": {"lr": 0.03}, "model": {}}
REFERENCE = HealthReference.of(dim=128, queue=4096, grace=20)


def answer(
    rows: list[dict[str, Any]], progress: Progress = FINISHED, config: dict[str, Any] = CONFIG, probes: int | None = 128
) -> Answer:
    return pretraining_answer(Metrics(rows), REFERENCE, config, out="runs/my run", progress=progress, probes=probes)


def kinds(found: Answer) -> list[str]:
    return [one.kind for one in found.next]


def with_invariance(*values: float, steps: int = 40) -> list[dict[str, Any]]:
    rows = course(steps)
    for i, value in enumerate(values):
        at = (i + 1) * steps // len(values) - 1
        rows[at] |= {"invariance": value, "invariance_chance": 1 / 15}
    return rows


def test_a_healthy_run_needs_nothing_but_a_comparison() -> None:
    found = answer(with_invariance(0.30, 0.34, 0.34))
    assert found.tone == "good"
    assert "Background invariance is 34% (95% interval 26% to 43%, chance 6.7%)" in found.headline
    assert kinds(found) == ["nothing", "compare"]
    assert "'inits=[none,'\"'\"'runs/my run'\"'\"']'" in found.next[1].what or "runs/my run" in found.next[1].what


def test_no_interval_without_the_number_of_probes() -> None:
    assert "is 34% (chance 6.7%)" in answer(with_invariance(0.30, 0.34, 0.34), probes=None).headline


def test_a_score_that_still_rises_asks_for_more_steps() -> None:
    found = answer(with_invariance(0.10, 0.15, 0.40))
    assert kinds(found) == ["steps", "compare"]
    assert "`steps=800`" in found.next[0].what
    assert "15% after two thirds of the run, 40% at its end" in found.next[0].why


def test_a_rise_within_the_noise_does_not() -> None:
    """0.30 to 0.36 of 128 proposals: 0.06 is less than 2 sqrt((0.21 + 0.23) / 128) = 0.117."""
    assert "steps" not in kinds(answer(with_invariance(0.28, 0.30, 0.36)))
    assert "steps" in kinds(answer(with_invariance(0.28, 0.30, 0.36), probes=2000))


def test_collapse_asks_for_a_third_of_the_learning_rate_and_for_nothing_else() -> None:
    flat = {"std": (0.004, 0.004), "mean_norm": (0.99, 0.99), "loss": (8.3, 8.3), "top1": (0.0, 0.0)}
    found = answer(course(**flat))
    assert found.tone == "bad"
    assert kinds(found) == ["learning rate"]
    assert "from 0.03 to 0.01" in found.next[0].what
    assert "Embedding std" in found.next[0].why


def test_a_watched_check_gives_its_advice() -> None:
    found = answer(course(std=(0.01, 0.03)))  # below half of 1/sqrt(D) = 0.088, but rising
    assert found.tone == "watch"
    assert kinds(found) == ["steps", "compare"]
    assert "Embedding std" in found.next[0].why


@pytest.mark.parametrize(
    ("place", "kind", "words"),
    [("below-the-start", "learning rate", "train longer on larger images"), ("poor-features", "settings", "parts=")],
)
def test_alarms_become_suggestions(place: str, kind: str, words: str) -> None:
    rows = course()
    rows[-1]["alarms"] = [f"Something is low (docs/healthy-run.md#{place}): its cause. More."]
    found = answer(rows)
    assert found.next[0].kind == kind
    assert words in found.next[0].what
    assert found.next[0].why == "Alarm: Something is low: its cause."


def test_initial_weights_that_are_unlearned_are_to_be_held() -> None:
    rows = course()
    rows[-1]["alarms"] = ["Probes have fallen (docs/healthy-run.md#below-the-start): it unlearns."]
    found = answer(rows, config={**CONFIG, "model": {"init": "imagenet"}})
    assert "model.freeze" in found.next[0].what


def test_a_run_that_ended_too_young_asks_for_steps() -> None:
    young = HealthReference.of(dim=128, queue=4096, grace=200)
    rows = course(40, std=(0.01, 0.03))
    found = pretraining_answer(
        Metrics(rows), young, CONFIG, out="r", progress=Progress("finished", 40, 40), probes=None
    )
    assert (found.tone, kinds(found)) == ("unknown", ["steps", "compare"])
    assert "at least 200 steps" in found.next[0].what


def test_a_slow_loader_asks_for_workers() -> None:
    rows = [row | {"time/data_wait": 0.4} for row in course()]
    assert "loader" in kinds(answer(rows))


@pytest.mark.parametrize(("state", "kind"), [("running", "wait"), ("stopped", "resume")])
def test_an_unfinished_run_is_not_compared(state: Any, kind: str) -> None:
    found = kinds(answer(with_invariance(0.10, 0.15, 0.40), Progress(state, 200, 400)))
    assert found[0] == kind
    assert "compare" not in found


def test_the_value_at_two_thirds() -> None:
    steps, values = [0, 100, 200, 300], [0.1, 0.2, 0.3, 0.4]
    assert before_and_now(Series(steps, values)) == (0.3, 0.4)
    assert before_and_now(Series([0, 300], [0.1, 0.4])) == (None, 0.4)  # the start is not a trained value
    assert before_and_now(Series([100, 300], [0.2, float("nan")])) == (None, 0.2)
    assert before_and_now(Series([], [])) == (None, None)
