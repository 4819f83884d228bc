"""One sentence for a difference, whichever side is ahead."""

from __future__ import annotations

import numpy as np
import pytest

from codo.evaluation.statistics import Difference, Interval
from codo.evaluation.verdict import in_points, reservation, verdict


def test_whichever_is_ahead_beyond_noise_is_named() -> None:
    # Of three values the bootstrap reaches from the lowest to the highest; see tests/comparison/test_verdicts.py.
    gains = [0.051, 0.049, 0.051]
    assert verdict("CoDo", "none", Difference.of(gains), over=" at 10% of the labels") == (
        "CoDo is ahead of none beyond noise: +5.0 points of box AP at 10% of the labels "
        "(95% interval +4.7 to +5.2, from 3 seeds)."
    )
    lost = Difference.of([-gain for gain in gains])
    assert verdict("CoDo", "none", lost, kind="segm").startswith(
        "CoDo is behind none beyond noise: −5.0 points of mask"
    )


def test_one_pretraining_is_told() -> None:
    said = verdict("a", "b", Difference.of([0.051, 0.049, 0.051]), one_pretraining=["a", "b"])
    assert "from 3 seeds of finetuning, after one pretraining)" in said


def test_a_reference_from_a_file_is_not_taken_for_the_pretraining_that_was_repeated() -> None:
    said = verdict("a", "imagenet", Difference.of([0.051, 0.049, 0.051]), one_pretraining=["imagenet"])
    assert "from 3 seeds, imagenet from one pretraining)" in said


def test_noise_is_called_noise() -> None:
    said = verdict("CoDo", "none", Difference.of([0.04, -0.04, 0.01]))
    assert said.startswith("No difference beyond noise between CoDo and none: +0.3 points of box AP (95% interval −")


def test_images_are_named_where_their_noise_counts() -> None:
    resampled = np.array([0.04, 0.05, 0.06])
    assert "from 3 seeds and 1,234 evaluation images" in verdict(
        "a", "b", Difference.of([0.05, 0.05, 0.05], resampled), evaluated=1234
    )
    assert "evaluation images" not in verdict("a", "b", Difference.of([0.05, 0.05]), evaluated=1234)


def test_noise_of_images_that_is_not_known_is_not_claimed() -> None:
    """AP by size and AR have no resamples: their intervals are over the seeds alone."""
    ahead, level = Difference.of([0.051, 0.049, 0.051]), Difference.of([0.04, -0.04, 0.01])
    assert "ahead of b beyond noise of training: " in verdict("a", "b", ahead, metric="APs", evaluated=1234)
    assert verdict("a", "b", level, evaluated=1234).startswith("No difference beyond noise of training between a and b")


def test_one_seed_says_nothing_about_noise() -> None:
    assert verdict("a", "b", Difference.of([0.1]), advice="More are to come.") == (
        "a against b: +10.0 points of box AP, from one seed, which cannot show noise. More are to come."
    )


def test_cells_of_tables_say_why_there_is_no_verdict() -> None:
    assert reservation(Difference.of([0.1])) == "one seed"
    assert reservation(Difference.of([0.1, 0.1])) == "2 seeds: no verdict"
    assert reservation(Difference.of([0.004] * 3, means=(0.009, 0.005))) == "AP near zero"
    assert reservation(Difference.of([0.006] * 3, means=(0.011, 0.005))) == ""
    assert Difference.of([0.1, 0.1]).verdict == "unknown"


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ((0.012, 0.003, 0.021), ("+1.2", "+0.3 to +2.1")),
        ((0.012, 0.0003, 0.021), ("+1.20", "+0.03 to +2.10")),  # above zero, and seen to be
        ((0.0, 0.0, 0.0), ("+0.0", "+0.0 to +0.0")),
    ],
)
def test_an_end_near_zero_has_a_digit_more(ends: tuple[float, float, float], said: tuple[str, str]) -> None:
    mean, low, high = ends
    assert in_points(Difference((mean,), Interval(low, high))) == said
    assert in_points(Difference((0.5,), None)) == ("+50.0", None)
