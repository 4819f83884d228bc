"""Tiles of a picture: by hand, and that they cover it with the overlap that was asked for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from codo.rasters.tiff import Window
from codo.rasters.tiles import cells, tiles


def test_by_hand() -> None:
    assert tiles(100, 50, 64) == [Window(0, 0, 64, 50), Window(36, 0, 64, 50)]
    assert tiles(64, 64, 64) == [Window(0, 0, 64, 64)]
    assert tiles(130, 64, 64, 8) == [Window(0, 0, 64, 64), Window(56, 0, 64, 64), Window(66, 0, 64, 64)]
    assert tiles(40, 30, 64) == [Window(0, 0, 40, 30)]


@given(st.integers(1, 150), st.integers(1, 150), st.integers(8, 40), st.integers(0, 7))
def test_every_pixel_is_in_a_tile_of_full_size(width: int, height: int, side: int, overlap: int) -> None:
    found = tiles(width, height, side, overlap)
    covered = np.zeros((height, width), dtype=int)
    for x, y, w, h in found:
        assert (w, h) == (min(side, width), min(side, height))
        covered[y : y + h, x : x + w] += 1
    assert covered.min() == 1
    assert len(set(found)) == len(found)
    for x, y, w, h in cells(width, height, side):
        assert min(w, h) > 0
        covered[y : y + h, x : x + w] = -1 if (covered[y : y + h, x : x + w] > 0).all() else 5
    assert (covered == -1).all()  # each once
    columns = sorted({x for x, *_ in found})
    assert all(b - a <= side - overlap for a, b in pairwise(columns))
