"""Copying tiles of a JPEG (jpeg_tiles.py) in one compiled pass over its coded bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codo.core.jit import kernel

Bytes = npt.NDArray[np.uint8]
Wanted = tuple[int, int, int, int]  # first row and one past the last, first column and one past the last

_MARK, _RESTART, _END = 0xFF, 0xD0, 0xD9
_WORD = 8  # bytes that are looked through at once


@kernel
def copy_tiles(coded: Bytes, rows: int, columns: int, wanted: Wanted, part: Bytes) -> int:
    """Copy the wanted tiles one after the other and renumber their restart markers.

    Coded pixels have a zero after each 0xFF, so 0xFF followed by 0xD0 to 0xD7 is always a marker. One byte in a hundred
    is 0xFF: they are found first, in a loop that the compiler can vectorize.

    Args:
        coded: All tiles, with two bytes of marker between them and behind the last.
        rows: Of tiles.
        columns: Of tiles.
        wanted: Those to copy.
        part: Where to; as long as ``coded``.

    Returns:
        The number of bytes written, or 0 when the numbers of markers and tiles differ: the file is damaged.
    """
    first_row, last_row, first, last = wanted
    tile, begin, copied, length = 0, 0, 0, 0
    row, column = 0, 0
    is_mark = np.zeros(-(-(len(coded) - 1) // _WORD) * _WORD, np.uint8)
    for i in range(len(coded) - 1):
        is_mark[i] = coded[i] == _MARK
    words = is_mark.view(np.uint64)
    for word in range(len(words)):
        if words[word] == 0:
            continue
        for i in range(_WORD * word, _WORD * (word + 1)):
            if not is_mark[i]:
                continue
            ends_all = i == len(coded) - 2
            if coded[i + 1] & 0xF8 != _RESTART and not ends_all:
                continue
            if first_row <= row < last_row and first <= column < last:
                size = i - begin
                part[length : length + size] = coded[begin:i]
                part[length + size] = _MARK
                part[length + size + 1] = _RESTART + copied % 8  # numbered modulo 8
                length += size + 2
                copied += 1
            begin = i + 2
            tile += 1
            column += 1
            if column == columns:
                row, column = row + 1, 0
    if tile != rows * columns:
        return 0
    part[length - 1] = _END
    return length
