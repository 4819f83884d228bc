"""What a comparison holds and says, on numbers made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from codo.comparison.comparison import Comparison, mean_and_spread
from codo.comparison.initializations import Initialization
from codo.comparison.trials import Key, Result, Trial
from codo.detection.finetune_settings import FinetuneSettings

INITIALIZATIONS = {
    "none": Initialization((), {"none": ""}),
    "codo": Initialization(("backbone", "fpn", "box_head"), {f"/runs/codo-{seed}": f"a1b{seed}" for seed in range(3)}),
}
RESAMPLES = np.array([-0.01, 0.0, 0.01])


def make_comparison(
    values: Mapping[Key, float],
    seeds: tuple[int, ...] = (0, 1, 2),
    initializations: Mapping[str, Initialization] = INITIALIZATIONS,
    masks: bool = False,
) -> Comparison:
    """A comparison with these APs: (initialization, fraction, seed) -> AP; no noise of images between trials."""
    fractions = sorted({fraction for _, fraction, _ in values}) or [1.0]
    trials = [
        Trial(i, f, s, round(100 * f), FinetuneSettings.model_validate({"data": "d", "out": f"o/{i}/{f}/{s}"}))
        for s in seeds
        for f in fractions
        for i in initializations
    ]
    kinds = ("bbox", "segm") if masks else ("bbox",)
    results = {
        key: Result(
            {kind: {"AP": value, "AP50": 2 * value, "AP75": -1.0} for kind in kinds},
            {kind: {"AP": value + RESAMPLES} for kind in kinds},
        )
        for key, value in values.items()
    }
    return Comparison(Path("o"), trials, initializations, 440, results)


def test_resamples_without_objects_of_the_class_say_nothing() -> None:
    """COCO's -1 of a resample in which no image shows the class is no AP, and no difference of 0."""
    values = {(init, 1.0, seed): ap for init, ap in (("none", 0.1), ("codo", 0.3)) for seed in range(3)}
    comparison = make_comparison(values)
    results = {
        key: replace(one, resampled={"bbox": {"AP": np.array([one.numbers["bbox"]["AP"]] * 9 + [-1.0])}})
        for key, one in comparison.results.items()
    }
    found = replace(comparison, results=results).difference("codo")
    assert found is not None
    assert found.by_image == pytest.approx((0.2, 0.2))


def with_number(comparison: Comparison, name: str, factor: float) -> Comparison:
    """The same comparison with another number, a multiple of AP, for every finished trial."""
    results = {
        key: replace(
            one,
            numbers={"bbox": {**one.numbers["bbox"], name: factor * one.numbers["bbox"]["AP"]}},
            resampled={"bbox": {**one.resampled["bbox"], name: factor * one.resampled["bbox"]["AP"]}},
        )
        for key, one in comparison.results.items()
    }
    return replace(comparison, results=results)


def with_classes(comparison: Comparison) -> Comparison:
    """The same comparison with the AP of two classes for every finished trial: 0.2 above its AP, and 0.2 below."""
    results = {}
    for key, one in comparison.results.items():
        ap = one.numbers["bbox"]["AP"]
        results[key] = replace(one, classes={"bbox": {"cat": round(ap + 0.2, 6), "a, b/c": round(ap - 0.2, 6)}})
    return replace(comparison, results=results, objects={"cat": 1200, "a, b/c": 12})


def grid(none: list[float], codo: list[float], fraction: float = 1.0) -> dict[Key, float]:
    pairs = {"none": none, "codo": codo}
    return {(init, fraction, seed): value for init, values in pairs.items() for seed, value in enumerate(values)}


def test_values_and_differences_are_paired_by_seed() -> None:
    found = make_comparison(grid([0.30, 0.20], [0.31, 0.25]) | {("codo", 1.0, 2): 0.9})
    assert found.values("none", 1.0) == {0: 0.30, 1: 0.20}
    assert found.values("codo", 1.0, "AP50") == {0: 0.62, 1: 0.5, 2: 1.8}
    assert found.values("codo", 1.0, "AP75") == {}  # -1: nothing to measure
    difference = found.difference("codo")
    assert difference is not None
    assert difference.values == pytest.approx((0.01, 0.05))  # seed 2 has no partner
    assert [str(trial) for trial in found.missing] == ["none, 100% of the labels, seed 2"]
    assert found.images(1.0) == [100, 100, 100]


def test_growth_with_the_labels_has_both_kinds_of_noise() -> None:
    """From 20% to 30% of AP with twice the labels, in every seed; which images were chosen moves it by more."""
    found = make_comparison(grid([0.1] * 3, [0.2] * 3, 0.5) | grid([0.1] * 3, [0.3] * 3))
    growth = found.growth("codo")
    assert growth is not None
    assert (growth.mean, growth.means, growth.verdict) == (pytest.approx(0.1), pytest.approx((0.3, 0.2)), "better")
    assert growth.by_image is not None
    few_images = {
        key: replace(one, resampled={"bbox": {"AP": one.numbers["bbox"]["AP"] + 40 * key[1] * RESAMPLES}})
        for key, one in found.results.items()
    }
    noisy = replace(found, results=few_images).growth("codo")
    assert noisy is not None
    assert (noisy.by_seed, noisy.verdict) == (growth.by_seed, "noise")
    low = make_comparison(grid([0.001] * 3, [0.002] * 3, 0.5) | grid([0.001] * 3, [0.005] * 3)).growth("codo")
    assert low is not None
    assert low.doubt == "near zero"
    assert make_comparison(grid([0.1], [0.2])).growth("codo") is None  # one label fraction


def test_over_all_fractions_a_seed_counts_once() -> None:
    found = make_comparison(grid([0.1, 0.1, 0.1], [0.2, 0.3, 0.4], 0.1) | grid([0.5, 0.5, 0.5], [0.5, 0.5, 0.5], 1.0))
    total, few = found.difference("codo"), found.difference("codo", fractions=[0.1])
    assert total is not None
    assert few is not None
    assert total.values == pytest.approx((0.05, 0.1, 0.15))
    assert few.values == pytest.approx((0.1, 0.2, 0.3))


def test_what_images_shift_for_all_alike_is_no_noise() -> None:
    same = make_comparison(grid([0.30, 0.31], [0.35, 0.36])).difference("codo")
    assert same is not None
    assert same.by_image == pytest.approx((0.05, 0.05))
    none = np.array([0.0, 0.02, -0.02])
    apart = make_comparison(grid([0.30, 0.31], [0.35, 0.36]))
    for key, result in apart.results.items():
        if key[0] == "none":
            result.resampled["bbox"]["AP"][:] += none  # type: ignore[index]
    wider = apart.difference("codo")
    assert wider is not None
    assert wider.by_image is not None
    assert wider.by_image.low < 0.035
    assert wider.interval is not None
    assert wider.by_seed is not None
    assert wider.interval.low < wider.by_seed.low


def test_without_resamples_the_seeds_speak_alone() -> None:
    found = make_comparison(grid([0.30, 0.31], [0.35, 0.36])).difference("codo", "AP50")
    assert found is not None
    assert found.by_image is None
    assert found.interval == found.by_seed


def test_measures_are_all_that_any_trial_has() -> None:
    found = make_comparison(grid([0.3], [0.4]), seeds=(0,))
    found.results["none", 1.0, 0].numbers["voc"] = {"AP50_07": 0.2}
    assert found.measures == [("bbox", "AP"), ("bbox", "AP50"), ("bbox", "AP75"), ("voc", "AP50_07")]
    assert found.kinds == ["bbox"]
    assert found.values("none", 1.0, "AP50_07", "voc") == {0: 0.2}


def test_spread_needs_two_values() -> None:
    assert mean_and_spread({}) == (None, None)
    assert mean_and_spread({4: 0.5}) == (0.5, None)
    assert mean_and_spread({0: 0.1, 1: 0.3}) == (pytest.approx(0.2), pytest.approx(0.02**0.5))
