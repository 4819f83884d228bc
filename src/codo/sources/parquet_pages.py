"""Where the values of a binary column lie in a Parquet file, so that one of them can be read without its row group.

A column chunk is a sequence of pages, each behind a header. What is read here:

* Data pages of version 1 and 2. Values may be null, which their definition levels say; columns of lists are not read.
* PLAIN values (four bytes of length, then the bytes), and dictionaries of such values with indices to them.
* Pages that are not compressed: a value is a span of the file, and of each value only the length is read here. In
  compressed pages it is a span of the page, whose place and size `catalog.pages` writes into the location.

The format: https://parquet.apache.org/docs/file-format/
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from codo.catalog.pages import LARGEST_PAGE, Page, decompress
from codo.catalog.reading import Location
from codo.sources.compact_thrift import TooShort, read_struct

_DATA, _INDEX, _DICTIONARY, _DATA_V2 = 0, 1, 2, 3
_PLAIN, _PLAIN_DICTIONARY, _RLE, _RLE_DICTIONARY = 0, 2, 3, 8
_HEADER, _LONGEST_HEADER = 4096, 1 << 24
"""Bytes first read for a header, and at most: statistics in it may hold whole values."""

Read = Callable[[int, int], bytes]
"""Reads ``(offset, size)`` of a file."""


class Chunk(NamedTuple):
    """A column chunk, as the footer of the file describes it.

    Attributes:
        offset: Where its first page begins.
        size: Bytes of all its pages with their headers.
        values: Their number, nulls included.
        codec: Name of the compression in pyarrow; empty for none.
        levels: The definition level of a value that is not null; 0 if none is.
    """

    offset: int
    size: int
    values: int
    codec: str
    levels: int


class Unreadable(ValueError):
    """An encoding that is not read here, or damage; says which."""


def locate(read: Read, path: str, chunk: Chunk) -> Iterator[Location | None]:
    """The place of every value of a column chunk, in order; ``None`` for nulls.

    Args:
        read: Reads the file.
        path: The file, for the locations.
        chunk: The column chunk.

    Raises:
        Unreadable: The encoding is not known here, or the file is damaged.
    """
    position, end, left = chunk.offset, chunk.offset + chunk.size, chunk.values
    words: list[Location] = []
    while left > 0:
        if position >= end:
            raise Unreadable("damaged: the pages end before the values do")
        header, length = _header(read, position, end)
        position += length
        body = _natural(header, 3)
        if position + body > end:
            raise Unreadable("damaged: a page is longer than its column")
        kind = header.get(1)
        if kind == _DICTIONARY:
            inner = _struct(header, 7)
            values = _Values(read, path, position, body, _natural(header, 2), chunk.codec)
            words = list(values.plain(_natural(inner, 1)))
        elif kind in (_DATA, _DATA_V2):
            # Before anything is made for that many values.
            if _natural(_struct(header, 5 if kind == _DATA else 8), 1) > left:
                raise Unreadable("damaged: more values than the column has")
            count, values, encoding, present = _data_page(read, path, position, body, header, chunk)
            left -= count
            found = int(present.sum())
            if encoding == _PLAIN:
                places = values.plain(found)
            elif encoding in (_PLAIN_DICTIONARY, _RLE_DICTIONARY):
                places = values.indexed(found, words)
            else:
                raise Unreadable(f"values in encoding {encoding} of Parquet")
            for one in present:
                yield next(places) if one else None
        elif kind != _INDEX:
            raise Unreadable(f"damaged: a page of the unknown kind {kind}")
        position += body


def _header(read: Read, position: int, end: int) -> tuple[dict[int, Any], int]:
    size = _HEADER
    while True:
        data = read(position, min(size, end - position))
        try:
            return read_struct(data)
        except TooShort as error:
            if size >= _LONGEST_HEADER or size >= end - position:
                raise Unreadable("damaged: the header of a page ends early") from error
            size *= 16
        except ValueError as error:
            raise Unreadable(f"damaged: the header of a page is none ({error})") from error


def _data_page(
    read: Read, path: str, position: int, body: int, header: dict[int, Any], chunk: Chunk
) -> tuple[int, _Values, int, npt.NDArray[np.bool_]]:
    """Number of values, their bytes, their encoding, and which are not null, of a data page."""
    length = _natural(header, 2)
    if header[1] == _DATA:
        inner = _struct(header, 5)
        count, encoding = _natural(inner, 1), _natural(inner, 2)
        values = _Values(read, path, position, body, length, chunk.codec)
        if not chunk.levels:
            return count, values, encoding, np.ones(count, bool)
        if inner.get(3) != _RLE:
            raise Unreadable(f"definition levels in encoding {inner.get(3)} of Parquet")
        levels = values.take(struct.unpack("<I", values.take(4))[0])
    else:
        # The levels are in front of the values and never compressed.
        inner = _struct(header, 8)
        count, encoding = _natural(inner, 1), _natural(inner, 4)
        before = _natural(inner, 5) + _natural(inner, 6)
        if before > min(body, length):
            raise Unreadable("damaged: levels longer than their page")
        levels = read(position + _natural(inner, 6), _natural(inner, 5))
        codec = chunk.codec if inner.get(7, True) else ""
        values = _Values(read, path, position + before, body - before, length - before, codec)
        if not chunk.levels:
            return count, values, encoding, np.ones(count, bool)
    return count, values, encoding, hybrid(levels, chunk.levels.bit_length(), count) == chunk.levels


class _Values:
    """The values of a page: a reader that goes forward through it, in the file or, decompressed, in memory."""

    def __init__(self, read: Read, path: str, offset: int, size: int, length: int, codec: str) -> None:
        self._uri, self._position, self._end = path, offset, offset + size
        self._read = read
        if codec:
            if max(size, length) > LARGEST_PAGE:
                raise Unreadable(f"a compressed page of {max(size, length) / 1e9:.1f} GB")
            page = Page(path, offset, size, length, codec)
            try:
                data = decompress(read(offset, size), page)
            except OSError as error:
                raise Unreadable(f"damaged: {error.strerror}") from error
            self._uri, self._position, self._end = page.uri, 0, len(data)
            self._read = lambda begin, count: data[begin : begin + count]

    def take(self, count: int) -> bytes:
        """The next bytes."""
        data = self._read(self._position, count) if count <= self._end - self._position else b""
        if len(data) != count:
            raise Unreadable("damaged: a page ends early")
        self._position += count
        return data

    def plain(self, count: int) -> Iterator[Location]:
        """The places of values, each behind its length."""
        for _ in range(count):
            size = int.from_bytes(self.take(4), "little")
            if size > self._end - self._position:
                raise Unreadable("damaged: a value is longer than its page")
            yield Location(self._uri, self._position, size)
            self._position += size

    def indexed(self, count: int, words: list[Location]) -> Iterator[Location]:
        """The places of values of a dictionary: a byte with the width of the indices, then these."""
        if not count:
            return
        width = self.take(1)[0]
        indices = hybrid(self.take(self._end - self._position), width, count)
        if indices.max(initial=0) >= len(words):
            raise Unreadable("damaged: a value that is not in the dictionary")
        yield from (words[index] for index in indices.tolist())


def hybrid(data: bytes, width: int, count: int) -> npt.NDArray[np.int64]:
    """Numbers in Parquet's mix of runs and bit-packed groups of eight.

    Args:
        data: The bytes.
        width: Bits of a number, up to 32.
        count: How many numbers there are.

    Raises:
        Unreadable: There are fewer.
    """
    if width > 32:
        raise Unreadable(f"damaged: numbers of {width} bits")
    numbers = np.zeros(count, np.int64)
    filled, position, width_bytes = 0, 0, (width + 7) // 8
    while filled < count:
        head = shift = 0
        while True:
            if position >= len(data) or shift > 35:
                raise Unreadable("damaged: levels or indices end early")
            byte = data[position]
            position += 1
            head |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        if head & 1:
            size = (head >> 1) * width
            bits = np.unpackbits(np.frombuffer(data[position : position + size], np.uint8), bitorder="little")
            bits = bits[: len(bits) // width * width] if width else bits
            run = bits.reshape(-1, width) @ (1 << np.arange(width)) if width else np.zeros((head >> 1) * 8, np.int64)
            run = run[: count - filled]
            position += size
        else:
            value = int.from_bytes(data[position : position + width_bytes], "little")
            run = np.full(min(head >> 1, count - filled), value, np.int64)
            position += width_bytes
        if not len(run):
            raise Unreadable("damaged: an empty run")
        numbers[filled : filled + len(run)] = run
        filled += len(run)
    return numbers


def _natural(fields: dict[int, Any], field: int) -> int:
    value = fields.get(field)
    if not isinstance(value, int) or value < 0:
        raise Unreadable("damaged: the header of a page lacks a number")
    return value


def _struct(fields: dict[int, Any], field: int) -> dict[int, Any]:
    value = fields.get(field)
    if not isinstance(value, dict):
        raise Unreadable("damaged: the header of a page lacks a part")
    return value
