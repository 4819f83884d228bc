"""The tiles of a picture: squares of one size in rows, the last ones moved inward so that all are of full size."""

from __future__ import annotations

from codo.rasters.tiff import Window


def tiles(width: int, height: int, side: int, overlap: int = 0) -> list[Window]:
    """The tiles of a picture, row by row.

    Args:
        width: Of the picture, in pixels.
        height: Likewise.
        side: Of a tile.
        overlap: The least number of pixels that neighbors share, less than ``side``.

    Returns:
        Tiles of ``side`` x ``side`` that cover the picture; where the picture is smaller than a tile, of its size.
    """
    return [
        Window(x, y, min(side, width), min(side, height))
        for y in _starts(height, side, overlap)
        for x in _starts(width, side, overlap)
    ]


def cells(width: int, height: int, side: int) -> list[Window]:
    """The same without overlap: every pixel in one cell, the last ones smaller."""
    return [
        Window(x, y, min(side, width - x), min(side, height - y))
        for y in range(0, height, side)
        for x in range(0, width, side)
    ]


def _starts(length: int, side: int, overlap: int) -> list[int]:
    last = max(0, length - side)
    step = side - overlap
    return [*range(0, last, step), last]
