"""Tiles of coded bytes are copied, and their markers numbered anew."""

from __future__ import annotations

import numpy as np
import pytest

from codo.catalog.tile_copy import copy_tiles


def coded(*tiles: bytes) -> np.ndarray:
    """Tiles with a restart marker between them and the end marker behind the last."""
    parts = [tile + bytes([0xFF, 0xD0 + i % 8]) for i, tile in enumerate(tiles[:-1])]
    return np.frombuffer(b"".join(parts) + tiles[-1] + b"\xff\xd9", np.uint8)


TILES = [bytes([16 * row + column] * (row + column + 1)) for row in range(4) for column in range(3)]


def copied(data: np.ndarray, wanted: tuple[int, int, int, int]) -> bytes:
    part = np.zeros(len(data), np.uint8)
    return part[: copy_tiles(data, 4, 3, wanted, part)].tobytes()


@pytest.mark.parametrize("wanted", [(0, 1, 0, 1), (1, 3, 1, 3), (3, 4, 0, 3), (0, 4, 2, 3)])
def test_wanted_tiles_follow_each_other(wanted: tuple[int, int, int, int]) -> None:
    top, bottom, left, right = wanted
    chosen = [TILES[3 * row + column] for row in range(top, bottom) for column in range(left, right)]
    assert copied(coded(*TILES), wanted) == coded(*chosen).tobytes()


def test_all_tiles_are_the_file_itself() -> None:
    """Twelve tiles: their markers go round after the eighth."""
    assert copied(coded(*TILES), (0, 4, 0, 3)) == coded(*TILES).tobytes()


def test_a_coded_255_is_no_marker() -> None:
    tiles = [b"\xff\x00" + tile for tile in TILES]
    assert copied(coded(*tiles), (1, 2, 0, 1)) == coded(tiles[3]).tobytes()


def test_a_file_with_too_few_or_many_markers_is_damaged() -> None:
    assert copied(coded(*TILES[:-1]), (0, 1, 0, 1)) == b""
    assert copied(coded(*TILES, b"x"), (0, 1, 0, 1)) == b""
