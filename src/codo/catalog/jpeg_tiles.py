"""Decoding a part of a JPEG without the rest.

A JPEG's pixels are coded in blocks of 8 x 8 to 16 x 16, row by row, and each block depends on the one before: to
decode the last one, all must be decoded. A *restart marker* (ITU-T T.81, section F.1.1.5) resets that state. Packed
shards have one after every few blocks, always at the same columns, which cuts the image into tiles that can be decoded
on their own. `cut` copies the tiles that cover a part behind a header of their size. Nothing is re-encoded, and
decoding gives exactly the pixels that the whole file would have given there. The markers take 2% of the bytes.

A view needs a fifth of the pixels of a foreground and less than three fifths of those of a background.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from codo.views.lazy_image import Corners

_BASELINE, _START_OF_SCAN, _RESTART_INTERVAL, _HUFFMAN_TABLES = 0xC0, 0xDA, 0xDD, 0xC4

CONTEXT = 2
"""Pixels around a part that are decoded too: half-resolution colors are interpolated between neighbors."""


class TileLayout(NamedTuple):
    """The tiles of a JPEG.

    Attributes:
        height: In pixels.
        width: In pixels.
        tile_height: Of a tile, in pixels; those at the lower border may be cut off.
        tile_width: Likewise.
        size_at: Offset of height and width in the header, two bytes each.
        begin: Offset of the coded pixels.
    """

    height: int
    width: int
    tile_height: int
    tile_width: int
    size_at: int
    begin: int


def interval(width: int) -> int:
    """Blocks of 16 pixels between two restart markers: the largest number up to four that divides the image's rows."""
    blocks = -(-width // 16)
    return next(count for count in (4, 3, 2, 1) if blocks % count == 0)


def layout(data: bytes) -> TileLayout | None:
    """Read the header; ``None`` for a JPEG that cannot be cut (no markers, progressive, or not of three colors)."""
    at, blocks, frame = 2, 0, None
    while at + 10 <= len(data) and data[at] == 0xFF:
        marker, length = struct.unpack_from(">BH", data, at + 1)
        if at + 2 + length > len(data):
            return None
        if marker == _BASELINE:
            height, width, colors = struct.unpack_from(">HHB", data, at + 5)
            if colors != 3:
                return None
            sampling = (data[at + 11], data[at + 14], data[at + 17])
            frame = (height, width, 8 * max(s & 15 for s in sampling), 8 * max(s >> 4 for s in sampling), at + 5)
        elif marker == _RESTART_INTERVAL:
            (blocks,) = struct.unpack_from(">H", data, at + 4)
        elif marker == _START_OF_SCAN:
            if frame is None or data[at + 4] != 3:
                return None
            height, width, block_height, block_width, size_at = frame
            if blocks == 0 or -(-width // block_width) % blocks:
                return None
            return TileLayout(height, width, block_height, blocks * block_width, size_at, at + 2 + length)
        elif 0xC0 < marker <= 0xCF and marker != _HUFFMAN_TABLES:  # another kind of JPEG
            return None
        at += 2 + length
    return None


def cut(data: bytes, found: TileLayout, corners: Corners) -> tuple[bytes, int, int]:
    """A JPEG of only those tiles of another one that cover a part of it.

    Args:
        data: The whole file.
        found: Its `layout`.
        corners: The part.

    Returns:
        The smaller file, and column and row of its upper left corner in the whole one. A damaged file is returned
        unchanged, so that decoding it raises the error.
    """
    from codo.catalog.tile_copy import copy_tiles  # here: opening a catalog must not load Numba

    left, top, right, bottom = corners
    high, wide = found.tile_height, found.tile_width
    rows, columns = -(-found.height // high), -(-found.width // wide)
    first_row, last_row = max(0, top - CONTEXT) // high, min(rows, -(-(bottom + CONTEXT) // high))
    first, last = max(0, left - CONTEXT) // wide, min(columns, -(-(right + CONTEXT) // wide))
    if (last_row - first_row) * (last - first) == rows * columns:
        return data, 0, 0
    part, begin = np.empty(len(data), np.uint8), found.begin
    wanted = (first_row, last_row, first, last)
    length = copy_tiles(np.frombuffer(data, np.uint8, offset=begin), rows, columns, wanted, part[begin:])
    if length == 0:
        return data, 0, 0
    size = (min(last_row * high, found.height) - first_row * high, min(last * wide, found.width) - first * wide)
    head = data[: found.size_at] + struct.pack(">HH", *size) + data[found.size_at + 4 : begin]
    part[:begin] = np.frombuffer(head, np.uint8)
    return part[: begin + length].tobytes(), first * wide, first_row * high
