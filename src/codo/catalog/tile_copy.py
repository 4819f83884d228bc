"""Copying tiles of a JPEG (jpeg_tiles.py) in one compiled pass over its coded bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codo.core.jit import kernel

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]
Wanted = tuple[int, int, int, int]  # first row and one past the last, first column and one past the last

_MARK, _RESTART, _END = 0xFF, 0xD0, 0xD9
_WORD = 8  # bytes that are looked through at once


@kernel
def copy_tiles(coded: Bytes, rows: int, columns: int, wanted: Wanted, part: Bytes) -> int:
    """Copy the wanted tiles one after the other and renumber their restart markers.

    Coded pixels have a zero after each 0xFF, so 0xFF followed by 0xD0 to 0xD7 is always a marker. One byte in a hundred
    is 0xFF: they are found first, in a loop that the compiler can vectorize. The wanted tiles of a row follow each
    other, and are copied at once.

    Args:
        coded: All tiles, with two bytes of marker between them and behind the last.
        rows: Of tiles.
        columns: Of tiles.
        wanted: Those to copy.
        part: Where to; as long as ``coded``.

    Returns:
        The number of bytes written, or 0 when the numbers of markers and tiles differ, as in a damaged file, or no tile
        is wanted.
    """
    first_row, last_row, first, last = wanted
    if not (0 <= first_row < last_row <= rows and 0 <= first < last <= columns):  # Numba checks no bounds
        return 0
    if len(coded) < 2 * rows * columns:  # less than the markers take
        return 0
    starts = np.zeros(rows * columns + 1, np.int64)  # of the tiles
    if _find_tiles(coded, starts) != rows * columns:
        return 0
    copied, length = 0, 0
    for row in range(first_row, last_row):
        begin, end = starts[row * columns + first], starts[row * columns + last]
        run, source = part[length : length + end - begin], coded[begin:end]
        for i in range(len(run)):  # faster than one assignment of arrays
            run[i] = source[i]
        for tile in range(row * columns + first, row * columns + last):
            run[starts[tile + 1] - begin - 1] = _RESTART + copied % 8  # numbered modulo 8
            copied += 1
        length += len(run)
    part[length - 1] = _END
    return length


@kernel
def _find_tiles(coded: Bytes, starts: Offsets) -> int:
    """Write where each tile but the first starts, and where the last one's marker ends; returns the number of tiles."""
    is_mark = np.zeros(-(-(len(coded) - 1) // _WORD) * _WORD, np.uint8)
    for i in range(len(coded) - 1):
        is_mark[i] = coded[i] == _MARK
    words, tile = is_mark.view(np.uint64), 0
    for word in range(len(words)):
        if words[word] == 0:
            continue
        for i in range(_WORD * word, _WORD * (word + 1)):
            if is_mark[i] and (coded[i + 1] & 0xF8 == _RESTART or i == len(coded) - 2):
                tile += 1
                if tile < len(starts):
                    starts[tile] = i + 2
    return tile
