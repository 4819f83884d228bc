"""Felzenszwalb-Huttenlocher segmentation: hand-computed strips, and a slow version that visits all edges for each k."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from codo.proposals.segmentation import NODE, NODE_BITS, WEIGHTS, contract, segment, sorted_edges
from codo.proposals.smoothing import FRACTION, smooth

UNIT = 1 << FRACTION
NO_SMOOTHING = np.array([256], np.int32)


def edges_of(values: list[list[int]] | np.ndarray, taps: np.ndarray = NO_SMOOTHING) -> np.ndarray:
    return sorted_edges(smooth(np.array(values, np.uint8)[None], taps))


def decoded(edges: np.ndarray) -> list[tuple[int, int, int]]:
    return [(int(e) >> 48, (int(e) >> NODE_BITS) & NODE, int(e) & NODE) for e in edges]


def labels_of(values: list[list[int]] | np.ndarray, k: int, min_size: int = 1, k_min: int | None = None) -> list[int]:
    """Region of every pixel; ``k`` and ``k_min`` in units of ``2**-FRACTION``."""
    node_of_pixel, nodes, open_edges = contract(edges_of(values), np.array(values).size, k if k_min is None else k_min)
    region_of_node, count = segment(nodes, open_edges, k, min_size)
    labels = region_of_node[node_of_pixel]
    assert count == labels.max() + 1
    return labels.tolist()


def slow_labels(edges: np.ndarray, pixels: int, k: int, min_size: int) -> list[int]:
    """The algorithm as published: one pass over all edges, components as sets."""
    component = [{i} for i in range(pixels)]
    internal = {id(c): 0 for c in component}

    def join(u: int, v: int, e: int) -> None:
        merged = component[u] | component[v]
        keep.append(merged)
        internal[id(merged)] = e
        for i in merged:
            component[i] = merged

    keep = list(component)  # ids stay unique while the sets live
    for e, u, v in decoded(edges):
        a, b = component[u], component[v]
        if a is not b and e <= min(internal[id(a)] + k // len(a), internal[id(b)] + k // len(b)):
            join(u, v, e)
    for e, u, v in decoded(edges):
        a, b = component[u], component[v]
        if a is not b and min(len(a), len(b)) < min_size:
            join(u, v, e)
    names: dict[int, int] = {}
    return [names.setdefault(id(component[i]), len(names)) for i in range(pixels)]


def test_two_flat_rectangles_are_two_components() -> None:
    image = np.full((12, 16), 40)
    image[3:9, 4:11] = 200
    expected = np.zeros((12, 16), int)
    expected[3:9, 4:11] = 1
    assert labels_of(image, 150 * UNIT) == expected.ravel().tolist()


def test_threshold_is_exact() -> None:
    """Pairs {0, 0} and {10, 10} have Int = 0 and size 2: they merge when 10 <= k / 2, that is from k = 20 on."""
    strip = [[0, 0, 10, 10]]
    assert labels_of(strip, 20 * UNIT - 1) == [0, 0, 1, 1]
    assert labels_of(strip, 20 * UNIT) == [0, 0, 0, 0]


def test_internal_difference_counts() -> None:
    """{0, 4, 8} has Int = 4 and size 3: it takes the edge of 6 when 6 <= 4 + k/3, {14} when 6 <= k: from k = 6 on."""
    strip = [[0, 4, 8, 14, 30, 30]]
    assert labels_of(strip, 6 * UNIT - 1) == [0, 0, 0, 1, 2, 2]
    assert labels_of(strip, 6 * UNIT) == [0, 0, 0, 0, 1, 1]


def test_each_side_can_refuse() -> None:
    """A single pixel has threshold k, a large flat component k / size: both must accept."""
    strip = [[0] * 9 + [10]]
    assert labels_of(strip, 89 * UNIT) == [0] * 9 + [1]  # 89 / 9 < 10
    assert labels_of(strip, 90 * UNIT) == [0] * 10


@given(
    st.integers(1, 8), st.integers(1, 8), st.integers(0, 2**32 - 1), st.sampled_from([2, 20, 255]), st.integers(1, 6)
)
@settings(max_examples=150, deadline=None)
def test_contraction_changes_nothing(h: int, w: int, seed: int, top: int, min_size: int) -> None:
    """Several k from one contraction equal one full run each."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, top + 1, (h, w))
    k_min = int(rng.integers(0, 300 * UNIT))
    for k in (k_min, k_min + 1, 2 * k_min, k_min + 500 * UNIT):
        expected = slow_labels(edges_of(image), h * w, k, min_size)
        assert labels_of(image, k, min_size, k_min) == expected


def test_contraction_leaves_little_to_do() -> None:
    """On a smooth image most edges are decided once for all k (that is what it is for)."""
    y, x = np.mgrid[:64, :64]
    image = (x + y + 60 * (x > 30)).astype(np.uint8)
    edges = edges_of(image)
    _, nodes, open_edges = contract(edges, image.size, 150 * UNIT)
    assert len(nodes) < image.size / 4
    assert len(open_edges) < len(edges) / 2


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1), st.integers(1, 20))
@settings(max_examples=50, deadline=None)
def test_no_region_is_below_min_size(h: int, w: int, seed: int, min_size: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (h, w))
    sizes = np.bincount(labels_of(image, 10 * UNIT, min_size))
    assert sizes.min() >= min(min_size, h * w)


def test_small_regions_join_along_the_lightest_edge() -> None:
    strip = [[0, 0, 0, 100, 180, 180, 180]]
    assert labels_of(strip, 1, min_size=2) == [0, 0, 0, 1, 1, 1, 1]  # 80 to the right, 100 to the left


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_edges_are_the_grid_sorted(h: int, w: int, seed: int) -> None:
    planes = np.random.default_rng(seed).integers(0, 256, (3, h, w)).astype(np.uint8)
    edges = decoded(sorted_edges(smooth(planes, NO_SMOOTHING)))
    flat = planes.reshape(3, -1).astype(int) * UNIT
    pairs = [(i, i + 1) for i in range(h * w) if (i + 1) % w] + [(i, i + w) for i in range(h * w - w)]
    weight = {p: int(np.sqrt(np.float32(((flat[:, p[0]] - flat[:, p[1]]) ** 2).sum()))) for p in pairs}
    assert edges == [(weight[p], *p) for p in sorted(pairs, key=lambda p: (weight[p], p))]


def test_heaviest_edge_fits() -> None:
    planes = np.array([[[0, 255]]] * 3, np.uint8)
    ((e, u, v),) = decoded(sorted_edges(smooth(planes, NO_SMOOTHING)))
    assert (u, v) == (0, 1)
    assert e == int(255 * 3**0.5 * UNIT) < WEIGHTS
