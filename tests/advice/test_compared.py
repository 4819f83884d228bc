"""What to do after a comparison: each rule with differences that it follows from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from codo.advice.answer import Answer
from codo.advice.compared import compared_answer, seeds_to_decide
from codo.evaluation.statistics import Difference

BETTER = Difference.of([0.02, 0.022, 0.021])
WORSE = Difference.of([-0.02, -0.022, -0.021])
NOISE = Difference.of([0.002, -0.002, 0.012])


def answer(
    differences: dict[str, Difference],
    missing: int = 0,
    failed: int = 0,
    growth: tuple[float, float, Difference] | None = None,
    planned: Sequence[int] = (0, 1, 2),
) -> Answer:
    sentences = [(f"{init} is {one.verdict}.", one.verdict) for init, one in differences.items()]
    return compared_answer(
        sentences, differences, "none", missing=missing, failed=failed, planned=planned, growth=growth
    )


def kinds(found: Answer) -> list[str]:
    return [one.kind for one in found.next]


def test_better_weights_are_to_be_used() -> None:
    found = answer({"moco": WORSE, "mine": BETTER})
    assert (found.tone, found.headline) == ("good", "mine is better.")  # what is ahead comes first
    assert found.next[0].what == "Finetune from mine from now on"
    assert "+2.1 (" in found.next[0].why


def test_if_all_are_worse_the_reference_stays() -> None:
    found = answer({"mine": WORSE})
    assert (found.tone, found.next[0].what) == ("bad", "Stay with none")


def test_few_seeds_ask_for_seeds() -> None:
    two = {"mine": Difference.of([0.02, 0.03])}
    found = answer(two, planned=[0, 1])
    assert (found.tone, kinds(found)) == ("unknown", ["seeds"])
    assert "`seeds=[0,1,2]`" in found.next[0].what
    assert "`seeds=[0,3,4]`" in answer(two, planned=[3, 4]).next[0].what  # the finished ones stay in the tables
    assert kinds(answer(two, missing=4)) == ["wait"]  # enough are planned
    assert kinds(answer(two, missing=1, planned=[0, 1])) == ["wait", "seeds"]


def test_ap_near_zero_asks_for_labels_or_steps() -> None:
    near = Difference.of([0.001, 0.002, 0.001], means=(0.004, 0.003))
    assert kinds(answer({"mine": near})) == ["labels"]


def test_noise_asks_for_the_seeds_that_would_decide() -> None:
    needed = seeds_to_decide(NOISE)
    assert needed is not None
    assert needed > 3
    few = Difference.of([0.01, 0.002, 0.02])
    found = answer({"mine": few})
    assert kinds(found) == ["seeds"]
    assert f"about {seeds_to_decide(few)} in all" in found.next[0].what


def test_one_weak_initialization_does_not_hide_the_winner() -> None:
    weak = Difference.of([0.001, 0.002, 0.001], means=(0.007, 0.005))
    strong = Difference.of([0.12, 0.121, 0.119], means=(0.125, 0.005))
    assert answer({"moco": weak, "mine": strong}).next[0].what == "Finetune from mine from now on"
    noise = Difference.of([0.01, 0.002, 0.02], means=(0.02, 0.009))
    assert kinds(answer({"moco": weak, "mine": noise})) == ["seeds"]  # not all AP are below 1


def test_few_seeds_of_one_do_not_hide_the_winner() -> None:
    found = answer({"late": Difference.of([0.03]), "mine": BETTER}, planned=[0, 1])
    assert kinds(found) == ["use", "seeds"]
    assert found.next[1].what.startswith("Add seeds of late: ")


def test_only_a_narrow_interval_says_that_there_is_no_difference() -> None:
    narrow = answer({"mine": Difference.of([0.001, -0.0011, 0.0])}).next[0]
    assert (narrow.kind, narrow.what) == ("nothing", "Leave it at that: no difference that matters")
    wide = answer({"mine": Difference.of([0.01, -0.011, 0.0])}).next[0]
    assert (wide.kind, wide.what) == ("nothing", "Leave it at that: the difference is too small to be found")
    assert seeds_to_decide(Difference.of([0.01, -0.01])) is None


def test_seeds_do_not_reduce_the_noise_of_the_images() -> None:
    """Mean 1.0, by seed about -0.3 to +2.3, by image -0.1 to +2.1: no number of seeds brings the low end above zero."""
    resampled = np.linspace(-0.0116, 0.0116, 1000)
    one = Difference.of([0.01, 0.005, 0.015], resampled)
    assert one.by_seed is not None
    assert one.by_image is not None
    assert one.by_seed.high - one.by_seed.low > one.by_image.high - one.by_image.low
    assert one.by_image.low < 0
    assert seeds_to_decide(one) is None
    assert answer({"mine": one}).next[0].what == "Evaluate on more images, and add seeds"
    lucky = Difference.of([0.03, -0.029, 0.0], resampled / 10)  # no number of images decides that
    assert seeds_to_decide(lucky) is None
    assert answer({"mine": lucky}).next[0].what == "Leave it at that: the difference is too small to be found"
    nearer = Difference.of([0.01, 0.005, 0.015], resampled / 2)
    assert nearer.verdict == "noise"
    needed = seeds_to_decide(nearer)
    assert needed is not None
    # With as many seeds (the same spread) the lower end would be at zero.
    assert nearer.by_seed is not None
    assert nearer.by_image is not None
    seeds, images = nearer.mean - nearer.by_seed.low, nearer.mean - nearer.by_image.low
    assert (
        np.hypot(seeds * np.sqrt(3 / needed), images)
        <= nearer.mean
        < np.hypot(seeds * np.sqrt(3 / (needed - 1)), images)
    )


def test_few_images_are_not_taken_for_no_difference() -> None:
    resampled = np.random.default_rng(0).normal(0.005, 0.035, 1000)
    found = answer({"mine": Difference.of([0.005, 0.008, 0.002, 0.006], resampled)}).next[0]
    assert (found.kind, found.what) == ("images", "Evaluate on more images")


def test_noise_of_the_images_asks_for_images() -> None:
    resampled = np.random.default_rng(0).normal(0.01, 0.008, 1000)
    one = Difference.of([0.010, 0.011, 0.012, 0.010], resampled)
    assert one.verdict == "noise"
    assert kinds(answer({"mine": one})) == ["images"]


def test_the_width_of_an_interval_falls_with_the_root_of_the_seeds() -> None:
    """Twice as far from zero needs a quarter of the seeds."""
    one = Difference.of([0.01, 0.002, 0.02, 0.004])
    assert one.interval is not None
    half = one.mean - one.interval.low
    assert seeds_to_decide(one) == max(5, int(np.ceil(4 * (half / one.mean) ** 2)))


def test_missing_and_failed_trials_come_first() -> None:
    assert kinds(answer({"mine": BETTER}, missing=2)) == ["wait", "use"]
    assert kinds(answer({"mine": BETTER}, missing=2, failed=1)) == ["resume", "use"]
    assert answer({}, missing=4).tone == "unknown"


@pytest.mark.parametrize(("growth", "more"), [(BETTER, ["labels"]), (NOISE, [])])
def test_labels_are_asked_for_while_they_pay(growth: Difference, more: list[str]) -> None:
    assert kinds(answer({"mine": BETTER}, growth=(0.5, 1.0, growth))) == ["use", *more]
