"""What a comparison says, on numbers made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.compare.cells import Cell
from codo.compare.comparison import Comparison, summary, verdict
from codo.detection.settings import FinetuneSettings

PARTS = {"none": "nothing", "codo": "backbone, fpn, box_head"}


def made(values: dict[tuple[str, float, int], float], seeds: tuple[int, ...] = (0, 1, 2)) -> Comparison:
    """A comparison with these APs: (initialisation, fraction, seed) -> AP."""
    fractions = sorted({fraction for _, fraction, _ in values}) or [1.0]
    cells = [
        Cell(i, f, s, round(100 * f), FinetuneSettings.model_validate({"data": "d", "out": f"o/{i}/{f}/{s}"}))
        for s in seeds
        for f in fractions
        for i in PARTS
    ]
    numbers = {key: {"bbox": {"AP": value, "AP50": 2 * value, "AP75": -1.0}} for key, value in values.items()}
    return Comparison(Path("o"), cells, PARTS, numbers)


def grid(none: list[float], codo: list[float], fraction: float = 1.0) -> dict[tuple[str, float, int], float]:
    pairs = {"none": none, "codo": codo}
    return {(init, fraction, seed): value for init, values in pairs.items() for seed, value in enumerate(values)}


def test_values_and_differences_are_paired_by_seed() -> None:
    found = made(grid([0.30, 0.20], [0.31, 0.25]) | {("codo", 1.0, 2): 0.9})
    assert found.values("none", 1.0) == {0: 0.30, 1: 0.20}
    assert found.values("codo", 1.0, "AP50") == {0: 0.62, 1: 0.5, 2: 1.8}
    assert found.values("codo", 1.0, "AP75") == {}  # -1: nothing to measure
    difference = found.difference("codo", 1.0)
    assert difference is not None
    assert difference.values == pytest.approx((0.01, 0.05))  # seed 2 has no partner
    assert [str(cell) for cell in found.missing] == ["none, 100% of the labels, seed 2"]
    assert found.images(1.0) == 100


def test_over_all_fractions_a_seed_counts_once() -> None:
    found = made(grid([0.1, 0.1, 0.1], [0.2, 0.3, 0.4], 0.1) | grid([0.5, 0.5, 0.5], [0.5, 0.5, 0.5], 1.0))
    total = found.total("codo")
    assert total is not None
    assert total.values == pytest.approx((0.05, 0.1, 0.15))


def test_sentences_say_what_is_beyond_noise() -> None:
    better = verdict(made(grid([0.300, 0.310, 0.290], [0.351, 0.359, 0.341])), "codo")
    assert better.startswith("codo is ahead of none beyond noise: +5.0 points of box AP at 100% of the labels")
    assert "3 seeds" in better
    worse = verdict(made(grid([0.351, 0.359, 0.341], [0.300, 0.310, 0.290])), "codo")
    assert worse.startswith("codo is behind none beyond noise: −5.0 points")
    noise = verdict(made(grid([0.30, 0.31, 0.29], [0.34, 0.27, 0.30])), "codo")
    assert noise.startswith("No difference beyond noise between codo and none: +0.3 points")
    equal = verdict(made(grid([0.3, 0.3, 0.3], [0.3, 0.3, 0.3])), "codo")
    assert equal.startswith("No difference beyond noise")
    one = verdict(made(grid([0.3], [0.4]), seeds=(0,)), "codo")
    assert "one seed, which says nothing about noise" in one
    both = verdict(made(grid([0.3, 0.3], [0.4, 0.41], 0.1) | grid([0.3, 0.3], [0.4, 0.41])), "codo")
    assert "mean of 10% and 100% of the labels" in both


def test_what_is_missing_or_failed_is_said() -> None:
    assert summary(made({})) == [
        "No cell is finished yet, so there is nothing to say.",
        "0 of 6 cells are finished; the numbers above are of these alone.",
    ]
    part = made(grid([0.3, 0.3, 0.3], [0.4]))
    assert "4 of 6 cells are finished" in summary(part)[-1]
    failed = Comparison(part.out, part.cells, PARTS, part.finished, {"codo, seed 1": "the loss is nan"})
    assert summary(failed)[-1] == "Failed: codo, seed 1 (the loss is nan)."
    apart = made({("none", 1.0, 0): 0.3, ("codo", 1.0, 1): 0.3})
    assert "cannot be compared" in verdict(apart, "codo")
