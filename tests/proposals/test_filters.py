"""Filters at their exact bounds, every fallback stage, and the choice of the boxes that are kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from codo.core.config import resolve
from codo.core.errors import InputError
from codo.proposals.filters import SIZE_CLASSES, ProposalSettings, filter_boxes, propose, subsample

DEFAULT = ProposalSettings()


def boxes_of(*sizes: tuple[int, int]) -> np.ndarray:
    return np.array([(5, 7, 5 + w, 7 + h) for w, h in sizes], np.int32)


def kept(*sizes: tuple[int, int], settings: ProposalSettings = DEFAULT) -> tuple[list[tuple[int, int]], str]:
    boxes, stage = filter_boxes(boxes_of(*sizes), 1000, 1000, settings)
    return [(int(x2 - x1), int(y2 - y1)) for x1, y1, x2, y2 in boxes], stage


def test_ratio_three_and_a_third_are_rejected() -> None:
    sizes = [(300, 100), (299, 100), (100, 300), (100, 299), (301, 100), (100, 100)]
    assert kept(*sizes) == ([(299, 100), (100, 299), (100, 100)], "filtered")


def test_side_of_32_is_kept_and_31_is_not() -> None:
    assert kept((32, 32), (31, 32), (32, 31), (64, 64)) == ([(32, 32), (64, 64)], "filtered")


def test_size_band_includes_its_ends() -> None:
    banded = ProposalSettings(size_band=(0.3, 0.8))
    assert kept((299, 300), (300, 300), (800, 800), (800, 801), settings=banded)[0] == [(300, 300), (800, 800)]


def test_rungs_of_the_fallback_chain() -> None:
    assert kept((40, 40), (20, 20), (200, 40)) == ([(40, 40)], "filtered")
    assert kept((20, 20), (200, 40)) == ([(20, 20)], "ratio")
    assert kept((200, 40), (200, 20)) == ([(200, 40)], "side")
    assert kept((200, 20)) == ([(1000, 1000)], "whole")
    assert kept((40, 40), settings=ProposalSettings(size_band=(0.3, 0.8))) == ([(40, 40)], "ratio")


def test_whole_image_may_break_every_rule() -> None:
    image = np.full((10, 400, 3), 80, np.uint8)
    boxes, stage = propose(image, DEFAULT)
    assert (boxes.tolist(), stage) == ([[0, 0, 400, 10]], "whole")


def test_minimum_side_is_in_original_pixels() -> None:
    """An object of 40 px is 10 px in the search at a quarter of the size."""
    image = np.full((1024, 1024, 3), (30, 90, 160), np.uint8)
    image[400:440, 400:440] = (220, 200, 40)
    boxes, stage = propose(image, DEFAULT)
    assert stage == "filtered"
    assert [400, 400, 440, 440] in boxes.tolist()
    boxes, _ = propose(image, ProposalSettings(min_side=41))
    assert [400, 400, 440, 440] not in boxes.tolist()


def random_boxes(n: int, seed: int) -> np.ndarray:
    """Distinct, sorted, more small ones than large ones."""
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 500, (4 * n + 8, 2))
    side = np.exp(rng.uniform(0, 6, (4 * n + 8, 2))).astype(int) + 1
    distinct = np.unique(np.concatenate([corner, corner + side], axis=1), axis=0)
    chosen = np.sort(rng.permutation(len(distinct))[:n])
    return distinct[chosen].astype(np.int32)


@given(st.integers(1, 300), st.integers(1, 100), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_thin_keeps_a_sorted_subset(n: int, most: int, seed: int) -> None:
    boxes = random_boxes(n, seed)
    few = subsample(boxes, most)
    rows, all_rows = list(map(tuple, few.tolist())), set(map(tuple, boxes.tolist()))
    assert len(rows) == min(n, most)
    assert rows == sorted(set(rows))
    assert set(rows) <= all_rows


@given(st.integers(65, 1500), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_thin_keeps_the_distribution_of_sizes(n: int, seed: int) -> None:
    """Of every eighth of all boxes by area, an eighth of those kept, give or take one at each end."""
    boxes = random_boxes(n, seed)

    def areas(b: np.ndarray) -> np.ndarray:
        return np.sort((b[:, 2:].astype(np.int64) - b[:, :2]).prod(axis=1))

    every, few = areas(boxes), areas(subsample(boxes, 64))
    for i in range(1, SIZE_CLASSES):
        bound = every[-(-i * n // SIZE_CLASSES)]
        below, at = (few < bound).sum(), (few == bound).sum()
        assert below - 1 <= 8 * i <= below + at + 1


def test_settings_are_checked() -> None:
    for bad in ({"size_band": (0.8, 0.3)}, {"size_band": (0.3, 1.2)}, {"max_ratio": 1}, {"min_side": 0}):
        with pytest.raises(ValidationError):
            ProposalSettings(**bad)
    with pytest.raises(InputError, match="size_band must rise"):
        resolve(ProposalSettings, overrides={"size_band": [0.8, 0.3]})
    with pytest.raises(InputError, match="mode"):
        resolve(ProposalSettings, overrides={"mode": "fats"})


def test_at_most_max_boxes() -> None:
    image = np.random.default_rng(0).integers(0, 256, (24, 32, 3)).astype(np.uint8).repeat(16, 0).repeat(16, 1)
    boxes, stage = propose(image, DEFAULT)
    assert (len(boxes), stage) == (64, "filtered")
    assert len(propose(image, ProposalSettings(max_boxes=5))[0]) == 5
