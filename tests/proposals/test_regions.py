"""Regions against slow, obvious versions."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from codo.proposals.regions import COLORS, STRENGTHS, TEXTURES, bins, describe


def slow_texture(smoothed: np.ndarray, y: int, x: int) -> int:
    """Texture bin of one pixel of one plane: (direction octant, strength), strength 0 in one bin."""
    h, w = smoothed.shape
    dx = int(smoothed[y, min(x + 1, w - 1)]) - int(smoothed[y, max(x - 1, 0)])
    dy = int(smoothed[min(y + 1, h - 1), x]) - int(smoothed[max(y - 1, 0), x])
    norm = max(abs(dx), abs(dy)) + min(abs(dx), abs(dy)) // 2
    strength = min(norm // 256, 9)
    octant = (4 if dx < 0 else 0) + (2 if dy < 0 else 0) + (1 if abs(dx) > abs(dy) else 0)
    return octant * 10 + strength if strength else 0


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_bins(channels: int, h: int, w: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    planes = rng.integers(0, 256, (channels, h, w)).astype(np.uint8)
    smoothed = rng.integers(0, 255 * 64, (channels, h, w)).astype(np.int32)
    out = bins(planes, smoothed)
    assert out.shape == (2 * channels, h, w)
    for c in range(channels):
        np.testing.assert_array_equal(out[c], c * COLORS + planes[c].astype(int) * 25 // 256)
        expected = [[slow_texture(smoothed[c], y, x) for x in range(w)] for y in range(h)]
        np.testing.assert_array_equal(out[channels + c], channels * COLORS + c * TEXTURES + np.array(expected))


def test_opposite_directions_and_strengths_are_told_apart() -> None:
    def center(dx: int, dy: int) -> int:
        gray = np.full((3, 3), 128 * 64, np.int32)
        gray[1, 2] += dx * 64
        gray[2, 1] += dy * 64
        return int(bins(np.zeros((1, 3, 3), np.uint8), gray[None])[1, 1, 1]) - COLORS

    assert center(0, 0) == center(3, 0) == center(-3, 1) == 0  # below one step there is no direction
    steps = [(9, 2), (2, 9), (-2, 9), (-9, 2), (-9, -2), (-2, -9), (2, -9), (9, -2)]
    assert len({center(*s) // STRENGTHS for s in steps}) == 8
    assert center(4, 0) % STRENGTHS == 1
    assert center(100, 0) % STRENGTHS == STRENGTHS - 1


@given(st.integers(1, 3), st.integers(1, 8), st.integers(1, 8), st.integers(1, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_describe(channels: int, h: int, w: int, most: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    _, labels = np.unique(rng.integers(0, most, (h, w)), return_inverse=True)
    labels = labels.reshape(h, w).astype(np.int32)
    regions = labels.max() + 1
    features = channels * (COLORS + TEXTURES)
    bin_of = rng.integers(0, features, (2 * channels, h, w)).astype(np.uint16)
    histograms, sizes, boxes, neighbors = describe(bin_of, labels, int(regions))
    assert histograms.shape == (regions, features)
    for r in range(regions):
        ys, xs = np.nonzero(labels == r)
        assert sizes[r] == len(ys)
        assert boxes[r].tolist() == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
        np.testing.assert_array_equal(histograms[r], np.bincount(bin_of[:, ys, xs].ravel(), minlength=features))
    touching = np.zeros((regions, regions), bool)
    for a, b in ((labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1])):
        touching[a.ravel(), b.ravel()] = touching[b.ravel(), a.ravel()] = True
    np.fill_diagonal(touching, False)
    np.testing.assert_array_equal(neighbors, touching)
