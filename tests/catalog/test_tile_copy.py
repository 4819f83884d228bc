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


@pytest.mark.parametrize(
    "wanted", [(1, 1, 0, 3), (2, 1, 0, 3), (0, 1, 2, 1), (3, 4, 5, 3), (0, 5, 0, 3), (-1, 2, 0, 1)]
)
def test_where_no_tile_is_nothing_is_copied(wanted: tuple[int, int, int, int]) -> None:
    assert copied(coded(*TILES), wanted) == b""


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xd9", b"\xff\xff\xd9", b"\xff\xd0" * 40])
def test_less_or_more_than_tiles_is_damaged(data: bytes) -> None:
    assert copied(np.frombuffer(data, np.uint8), (0, 1, 0, 1)) == b""


def test_of_any_bytes_the_tiles_between_markers_are_copied() -> None:
    """Many of them 0xFF and markers, with all possible numbers of tiles."""
    rng = np.random.default_rng(0)
    for _ in range(500):
        data = rng.choice(np.array([0, 7, 0xFF, 0xD0, 0xD7, 0xD9], np.uint8), int(rng.integers(2, 60)))
        data[-2:] = 0xFF, 0xD9
        text, tiles, begin = data.tobytes(), list[bytes](), 0
        for i in range(len(text) - 1):
            if text[i] == 0xFF and (0xD0 <= text[i + 1] <= 0xD7 or i == len(text) - 2):
                tiles.append(text[begin:i])
                begin = i + 2
        first = int(rng.integers(len(tiles)))
        part = np.zeros(len(data), np.uint8)
        length = copy_tiles(data, 1, len(tiles), (0, 1, first, len(tiles)), part)
        assert part[:length].tobytes() == coded(*tiles[first:]).tobytes()
        assert copy_tiles(data, 1, len(tiles) + 1, (0, 1, first, len(tiles)), part) == 0
