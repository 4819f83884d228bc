"""Similarities by hand, and the order of grouping against a slow version that keeps every pair in a dictionary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codo.proposals.grouping import ONE, group, normalize, similarity

COLOR, TEXTURE, SIZE, FILL, ALL = ([int(c) for c in terms] for terms in ("1000", "0100", "0010", "0001", "1111"))


def ints(values: object) -> np.ndarray:
    return np.array(values, np.int32)


def pair(terms: list[int]) -> float:
    """Similarity of two regions of a 10 x 10 image, in units of one: 2 color bins, then 2 texture bins."""
    shares = ints([[ONE, 0, ONE // 2, ONE // 2], [ONE // 4, 3 * ONE // 4, 0, ONE]])
    boxes = ints([[0, 0, 4, 4], [4, 0, 6, 6]])  # areas 16 and 12 in a common box of 36
    return similarity(0, 1, shares, ints([14, 10]), boxes, 100, 2, ints(terms)) / ONE


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (COLOR, 0.25),  # min(1, 1/4) + min(0, 3/4)
        (TEXTURE, 0.5),  # min(1/2, 0) + min(1/2, 1)
        (SIZE, 1 - 24 / 100),
        (FILL, 1 - (36 - 24) / 100),
        (ALL, 0.25 + 0.5 + 0.76 + 0.88),
    ],
)
def test_similarities_by_hand(terms: list[int], expected: float) -> None:
    assert pair(terms) == pytest.approx(expected, abs=4 / ONE)


def test_normalize() -> None:
    out = ints([7, 7, 7])
    normalize(ints([1, 0, 3]), 4, out)
    assert out.tolist() == [ONE // 4, 0, 3 * ONE // 4]


def hierarchy(labels: np.ndarray, histograms: np.ndarray, terms: list[int]) -> np.ndarray:
    r = labels.max() + 1
    sizes, boxes, neighbors = shape_of(labels)
    return group(histograms, sizes, boxes, neighbors, labels.size, 1, histograms.shape[1] // 2, ints(terms))[r:]


def shape_of(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r = labels.max() + 1
    places = [np.nonzero(labels == i) for i in range(r)]
    boxes = ints([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1] for ys, xs in places])
    neighbors = np.zeros((r, r), np.bool_)
    for a, b in ((labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1])):
        neighbors[a, b] = neighbors[b, a] = True
    np.fill_diagonal(neighbors, False)
    return ints([len(ys) for ys, _ in places]), boxes, neighbors


def slow_hierarchy(labels: np.ndarray, histograms: np.ndarray, terms: list[int]) -> list[list[int]]:
    """Algorithm 1 of the paper, similarities recomputed for all neighboring pairs before every merge."""
    sizes, boxes, neighbors = shape_of(labels)
    colors = histograms.shape[1] // 2
    region = {i: (histograms[i].copy(), int(sizes[i]), boxes[i].tolist()) for i in range(len(sizes))}
    pairs = {(i, j) for i, j in np.argwhere(neighbors).tolist() if i < j}
    out = []
    while pairs:

        def alike(p: tuple[int, int]) -> int:
            shares = np.empty((2, histograms.shape[1]), np.int32)
            for row, i in enumerate(p):
                normalize(ints(region[i][0]), region[i][1], shares[row])
            both = ints([region[i][1] for i in p]), ints([region[i][2] for i in p])
            return int(similarity(0, 1, shares, *both, labels.size, colors, ints(terms)))

        i, j = max(sorted(pairs), key=alike)  # max keeps the first of equals
        (ha, sa, a), (hb, sb, b) = region[i], region.pop(j)
        region[i] = (ha + hb, sa + sb, [min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])])
        out.append(region[i][2])
        renamed = {tuple(sorted((i if p == j else p, i if q == j else q))) for p, q in pairs}
        pairs = {(p, q) for p, q in renamed if p != q}
    return out


def test_small_regions_merge_first() -> None:
    labels = np.array([[0, 0, 0, 0, 0, 0, 1, 1, 2, 3]])
    boxes = hierarchy(labels, np.ones((4, 2), np.int32), SIZE)
    assert boxes.tolist() == [[8, 0, 10, 1], [6, 0, 10, 1], [0, 0, 10, 1]]


def test_a_hole_is_filled_first() -> None:
    labels = np.zeros((5, 5), int)
    labels[2, 2] = 1  # fills its ring
    labels[:, 4] = 2  # beside it
    boxes = hierarchy(labels, np.ones((3, 2), np.int32), FILL)
    assert boxes.tolist() == [[0, 0, 4, 5], [0, 0, 5, 5]]


def test_like_colors_merge_across_a_small_difference_in_place() -> None:
    labels = np.array([[0, 1, 2]])
    histograms = ints([[0, 1, 0, 1], [1, 0, 1, 0], [1, 0, 1, 0]])
    assert hierarchy(labels, histograms, COLOR).tolist() == [[1, 0, 3, 1], [0, 0, 3, 1]]


def test_equal_similarities_go_to_the_lowest_numbers() -> None:
    labels = np.array([[0, 1, 2, 3]])
    assert hierarchy(labels, np.ones((4, 2), np.int32), SIZE).tolist() == [[0, 0, 2, 1], [2, 0, 4, 1], [0, 0, 4, 1]]


@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 12), st.integers(0, 2**32 - 1), st.integers(1, 15))
@settings(max_examples=150, deadline=None)
def test_order_of_grouping(h: int, w: int, most: int, seed: int, chosen: int) -> None:
    rng = np.random.default_rng(seed)
    _, labels = np.unique(rng.integers(0, most, (h, w)), return_inverse=True)
    labels = labels.reshape(h, w)
    histograms = rng.integers(0, 3, (labels.max() + 1, 4)).astype(np.int32)  # few values: many ties
    terms = [chosen >> i & 1 for i in range(4)]
    assert hierarchy(labels, histograms, terms).tolist() == slow_hierarchy(labels, histograms, terms)
