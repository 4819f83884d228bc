from __future__ import annotations

from dataclasses import replace

from codo.comparison.chosen_classes import CHOSEN
from codo.comparison.initializations import Initialization
from codo.comparison.verdicts import summary, verdict, verdicts
from tests.comparison.test_comparison import INITIALIZATIONS, grid, make_comparison, with_number


def test_sentences_say_what_is_beyond_noise() -> None:
    better = make_comparison(grid([0.300, 0.310, 0.290], [0.351, 0.359, 0.341]))
    # Differences 5.1, 4.9, 5.1: mean 5.03. Of three values the bootstrap reaches from the lowest to the highest; its
    # distances from the mean, 0.133 and 0.067, grow by t(2) / z * sqrt(3 / 2) = 2.689.
    assert verdict(better, "codo") == (
        "codo is ahead of none beyond noise: +5.0 points of box AP at 100% of the labels "
        "(95% interval +4.7 to +5.2, from 3 seeds and 440 evaluation images)."
    )
    worse = verdict(make_comparison(grid([0.351, 0.359, 0.341], [0.300, 0.310, 0.290])), "codo")
    assert worse.startswith("codo is behind none beyond noise: −5.0 points")
    noise = verdict(make_comparison(grid([0.30, 0.31, 0.29], [0.34, 0.27, 0.30])), "codo")
    assert noise.startswith("No difference beyond noise between codo and none: +0.3 points")
    equal = verdict(make_comparison(grid([0.3, 0.3, 0.3], [0.3, 0.3, 0.3])), "codo")
    assert equal.startswith("No difference beyond noise")
    both = grid([0.3, 0.3, 0.3], [0.4, 0.41, 0.4], 0.1) | grid([0.3, 0.3, 0.3], [0.4, 0.41, 0.4])
    both = verdict(make_comparison(both), "codo")
    assert "mean of 10% and 100% of the labels" in both


def test_one_seed_says_nothing_about_noise() -> None:
    one = verdict(make_comparison(grid([0.3], [0.4]), seeds=(0,)), "codo")
    assert one == (
        "codo against none: +10.0 points of box AP at 100% of the labels, from one seed, which cannot show noise. "
        "Give more seeds."
    )
    assert verdict(make_comparison(grid([0.3], [0.4])), "codo").endswith("More seeds will follow.")


def test_one_pretraining_is_told() -> None:
    initializations = {"none": Initialization((), {"none": ""}), "codo": Initialization(("fpn",), {"runs/a": "1"})}
    same = make_comparison(grid([0.3] * 3, [0.35] * 3), initializations=initializations)
    assert "3 seeds of finetuning and 440 evaluation images, after one pretraining)" in verdict(same, "codo")
    initializations["codo"] = Initialization(("fpn",), {"runs/a-0": "1", "runs/a-1": "2", "runs/a-2": "3"})
    assert "after one" not in verdict(replace(same, initializations=initializations), "codo")


def test_two_seeds_say_nothing_beyond_the_numbers() -> None:
    """However far from zero the interval is: the third seed has withdrawn such a result."""
    two = make_comparison(grid([0.30, 0.31], [0.40, 0.41]), seeds=(0, 1))
    assert verdicts(two) == [
        (
            "codo against none: +10.0 points of box AP at 100% of the labels (95% interval +10.0 to +10.0, from 2 "
            "seeds and 440 evaluation images). 2 seeds say nothing beyond the numbers. Give more seeds.",
            "unknown",
        )
    ]
    assert verdict(make_comparison(grid([0.30, 0.31], [0.40, 0.41])), "codo").endswith("More seeds will follow.")


def test_ap_near_zero_says_nothing_yet() -> None:
    low = make_comparison(grid([0.001, 0.002, 0.001], [0.008, 0.009, 0.008]))
    ((said, found),) = verdicts(low)
    assert said == (
        "codo against none: +0.7 points of box AP at 100% of the labels (95% interval +0.7 to +0.7, from 3 seeds and "
        "440 evaluation images). AP near zero (codo 0.83, none 0.13), which says nothing yet. Finetune longer or on "
        "more labels."
    )
    assert found == "unknown"
    one_side = verdicts(make_comparison(grid([0.001, 0.002, 0.001], [0.018, 0.019, 0.018])))
    assert one_side[0][1] == "better"  # the other has learned something


def test_the_sentence_is_about_the_chosen_number() -> None:
    """AP50 is twice the AP here; it is not near zero where AP is."""
    low = make_comparison(grid([0.004, 0.003, 0.004], [0.008, 0.007, 0.008]))
    low = replace(with_number(low, "AP50", 2), metric="AP50")
    said, found = verdicts(low)[0]
    assert said.startswith("codo is ahead of none beyond noise: +0.8 points of box AP50 at 100%")
    assert found == "better"
    one = replace(make_comparison(grid([0.3], [0.4]), seeds=(0,)), metric="AP50")
    assert "+20.0 points of box AP50" in verdict(one, "codo")


def test_the_sentence_may_be_about_classes() -> None:
    found = make_comparison(grid([0.30, 0.31, 0.29], [0.35, 0.36, 0.34]))
    two = replace(with_number(found, CHOSEN, 2), classes=("cat", "dog"))
    assert verdict(two, "codo").startswith(
        "codo is ahead of none beyond noise: +10.0 points of box AP of cat and dog at 100% of the labels"
    )
    # A trial without them is left out, and named.
    lacking = {**two.results, ("codo", 1.0, 2): found.results["codo", 1.0, 2]}
    lines = summary(replace(two, results=lacking))
    assert "2 seeds say nothing" in lines[0]
    assert lines[1] == (
        "1 of 6 trials have no AP by class, as metrics.jsonl is gone: they are left out of the verdict (codo, "
        "100% of the labels, seed 2)."
    )


def test_many_with_one_seed_share_a_sentence() -> None:
    initializations = {**INITIALIZATIONS, "mine": INITIALIZATIONS["codo"]}
    values = {("none", 1.0, 0): 0.3, ("codo", 1.0, 0): 0.4, ("mine", 1.0, 0): 0.25}
    found = verdicts(make_comparison(values, seeds=(0,), initializations=initializations, masks=True))
    assert found[0] == (
        "One seed cannot show noise. Points of box AP against none at 100% of the labels: codo +10.0, "
        "mine −5.0. Give more seeds.",
        "unknown",
    )
    assert [verdict for _, verdict in found] == ["unknown", "unknown"]


def test_masks_have_their_own_sentence() -> None:
    found = verdicts(make_comparison(grid([0.30, 0.31, 0.29], [0.35, 0.36, 0.34]), masks=True))
    assert [said.split("points of ")[1][:7] for said, _ in found] == ["box AP ", "mask AP"]
    assert [one for _, one in found] == ["better", "better"]


def test_what_is_missing_or_failed_is_said() -> None:
    assert summary(make_comparison({})) == ["0 of 6 trials are finished; there are no results yet."]
    part = make_comparison(grid([0.3, 0.3, 0.3], [0.4]))
    assert summary(part)[-1] == "4 of 6 trials are finished; all numbers here are based on these."
    failed = replace(part, failures={("codo", 1.0, 1): "the loss is nan"})
    assert summary(failed)[-1] == "Failed: codo, 100% of the labels, seed 1 (the loss is nan)."
    apart = make_comparison({("none", 1.0, 0): 0.3, ("codo", 1.0, 1): 0.3})
    assert summary(apart)[0] == "No seed has finished for both none and these: codo."
    alone = replace(part, initializations={"none": part.initializations["none"]})
    assert summary(alone)[0].startswith("none is the only initialization")
