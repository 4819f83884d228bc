"""Some rows of a JPEG without decoding the others.

A JPEG's pixels are coded in rows of blocks of 8 or 16 lines, one after the other, each continuing where the last one
stopped: whoever wants the last row must decode all. A *restart marker* (ITU-T T.81, section F.1.1.5) ends that. Where
there is one after each row of blocks, as in packed shards, `cut` takes the rows that are wanted and the header, and
makes a smaller JPEG of them: bytes are copied, no pixel is touched, and decoding it gives exactly the lines that the
whole file would have given.

A view needs about half of the lines of a foreground and nine tenths of those of a background.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_BASELINE, _START_OF_SCAN, _RESTART_INTERVAL = 0xC0, 0xDA, 0xDD
_END = b"\xff\xd9"

CONTEXT = 2
"""Lines above and below whose colours take part: half-resolution colours are interpolated between neighbours."""


class Layout(NamedTuple):
    """Of a JPEG with a restart marker after every row of blocks.

    Attributes:
        height: In pixels.
        width: In pixels.
        lines: Lines of pixels in a row of blocks.
        height_at: Where the header has the height, as two bytes.
        begin: Where the coded pixels begin.
    """

    height: int
    width: int
    lines: int
    height_at: int
    begin: int


def layout(data: bytes) -> Layout | None:
    """Read the header; ``None`` for a JPEG that cannot be cut (no markers, progressive, or not of three colours)."""
    at, interval, frame = 2, 0, (0, 0, 0, 0, 0, 0)
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if at + 2 + length > len(data):
            return None
        if marker == _RESTART_INTERVAL:
            interval = int.from_bytes(data[at + 4 : at + 6])
        elif marker == _BASELINE:
            if data[at + 9] != 3:
                return None
            height, width = int.from_bytes(data[at + 5 : at + 7]), int.from_bytes(data[at + 7 : at + 9])
            samplings = [data[at + 11 + 3 * k] for k in range(3)]
            across, down = max(s >> 4 for s in samplings), max(s & 15 for s in samplings)
            frame = (height, width, 8 * down, at + 5, 8 * across, 1)
        elif 0xC1 <= marker <= 0xCF and marker != 0xC4:  # another kind of JPEG; C4 holds Huffman tables
            return None
        elif marker == _START_OF_SCAN:
            height, width, lines, height_at, across, known = frame
            if not known or data[at + 4] != 3 or interval != -(-width // across):
                return None
            return Layout(height, width, lines, height_at, at + 2 + length)
        at += 2 + length
    return None


def cut(data: bytes, found: Layout, top: int, bottom: int) -> tuple[bytes, int]:
    """A JPEG that has at least the lines ``top`` to ``bottom`` of another one.

    Args:
        data: The whole file.
        found: Its `layout`.
        top: First line that is wanted.
        bottom: One past the last one.

    Returns:
        The smaller file, and which line of the whole one is its first. A file that is damaged comes back whole, so that
        whoever decodes it finds out.
    """
    lines, rows = found.lines, -(-found.height // found.lines)  # of pixels in a row of blocks; rows of blocks
    first, last = max(0, top - CONTEXT) // lines, -(-min(found.height, bottom + CONTEXT) // lines)
    coded = np.frombuffer(data, np.uint8, offset=found.begin)
    escapes = np.flatnonzero(coded[:-1] == 0xFF)  # coded pixels have a zero after each 255
    markers = escapes[coded[escapes + 1] & 0xF8 == 0xD0] + found.begin  # one after each row
    if (first, last) == (0, rows) or len(markers) != rows - 1:
        return data, 0
    begin = markers[first - 1] + 2 if first else found.begin
    end = markers[last - 1] if last < rows else len(data) - len(_END)
    pixels = bytearray(data[begin:end])
    for number, marker in enumerate(markers[first : last - 1].tolist()):
        pixels[marker - begin + 1] = 0xD0 + number % 8  # they are numbered round and round, from 0
    height = min(last * lines, found.height) - first * lines
    head = data[: found.height_at] + height.to_bytes(2) + data[found.height_at + 2 : found.begin]
    return head + pixels + _END, first * lines
