"""The conclusion of a finetuning run: each rule with the state that it follows from."""

from __future__ import annotations

import math
from typing import Any

import pytest

from codo.advice.answer import Answer
from codo.advice.finetuning import finetuning_answer, loss_fall
from codo.advice.progress import Progress
from codo.evaluation.run_metrics import Metrics
from codo.evaluation.statistics import Interval

CONFIG: dict[str, Any] = {"steps": 60, "optim": {"lr": 0.02}}


def log(*aps: float, loss: tuple[float, float] = (1.0, 1.0), key: str = "bbox") -> Metrics:
    """60 steps with evaluations spread evenly and a loss on a straight line."""
    rows: list[dict[str, Any]] = [{"step": s, "loss": loss[0] + (loss[1] - loss[0]) * s / 60} for s in range(1, 61)]
    for i, ap in enumerate(aps):
        rows[round((i + 1) * 60 / len(aps)) - 1][f"ap/{key}/AP"] = ap
    return Metrics(rows)


def answer(
    metrics: Metrics,
    interval: Interval | None = None,
    progress: Progress | None = None,
) -> Answer:
    return finetuning_answer(
        metrics,
        CONFIG,
        progress=progress or Progress("finished", 60, 60),
        intervals={"bbox": interval} if interval else {},
        evaluated=500,
    )


def kinds(found: Answer) -> list[str]:
    return [one.kind for one in found.next]


def test_the_headline_has_the_interval() -> None:
    found = answer(log(0.20, 0.20, 0.20), Interval(0.18, 0.22))
    assert found.headline == "Box AP 20.0 (95% interval 18.0 to 22.0) on 500 evaluation images."
    assert found.tone == "good"


def test_ap_that_still_rises_asks_for_steps() -> None:
    found = answer(log(0.10, 0.15, 0.20))
    assert kinds(found) == ["steps"]
    assert "`steps=120`" in found.next[0].what


def test_ap_that_has_stopped_asks_for_labels() -> None:
    found = answer(log(0.18, 0.20, 0.201))
    assert kinds(found) == ["labels"]
    assert "+0.1 points" in found.next[0].why


def test_ap_that_falls_asks_for_labels_or_fewer_steps() -> None:
    found = answer(log(0.20, 0.25, 0.20))
    assert kinds(found) == ["labels"]
    assert "`steps=40`" in found.next[0].what


def test_one_evaluation_and_a_falling_loss_ask_for_steps() -> None:
    assert kinds(answer(log(0.20, loss=(2.0, 1.0)))) == ["steps"]
    assert kinds(answer(log(0.20, loss=(1.0, 1.0)))) == ["nothing"]


def test_ap_near_zero_asks_for_labels() -> None:
    found = answer(log(0.004))
    assert (found.tone, kinds(found)) == ("watch", ["labels"])


def test_a_wide_interval_asks_for_evaluation_images() -> None:
    assert kinds(answer(log(0.20, 0.20, 0.20), Interval(0.13, 0.27))) == ["labels", "images"]
    assert kinds(answer(log(0.20, 0.20, 0.20), Interval(0.16, 0.24))) == ["labels"]


def test_a_loss_that_is_not_finite_asks_for_a_lower_learning_rate() -> None:
    found = answer(log(0.1, loss=(1.0, math.nan)))
    assert (found.tone, kinds(found)) == ("bad", ["learning rate"])
    assert "from 0.02 to 0.007" in found.next[0].what


@pytest.mark.parametrize(("state", "kind"), [("running", "wait"), ("stopped", "resume")])
def test_before_the_first_evaluation(state: Any, kind: str) -> None:
    found = answer(log(), progress=Progress(state, 10, 60))
    assert found.headline == "The detector has not been evaluated yet."
    assert kinds(found) == [kind]


def test_masks_are_told_after_boxes() -> None:
    metrics = Metrics([*log(0.2, 0.2, 0.2).rows[:-1], {"step": 60, "loss": 1.0, "ap/bbox/AP": 0.2, "ap/segm/AP": 0.15}])
    assert answer(metrics).headline == "Box AP 20.0 and mask AP 15.0 on 500 evaluation images."


def test_the_fall_of_the_loss() -> None:
    """On a line from 2 to 1 the loss is 1.35 at two thirds and 1.05 at the end: it fell by 22%."""
    assert loss_fall(log(loss=(2.0, 1.0))) == pytest.approx(0.22, abs=0.01)
    assert loss_fall(log(loss=(1.0, 2.0))) == 0
    assert loss_fall(Metrics([])) == 0
