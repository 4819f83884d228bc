"""Structs in Thrift's compact protocol, in which Parquet writes the headers of its pages; nothing else is needed of it.

The protocol: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

import struct
from typing import Any

_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 12
_DEEPEST = 8
"""Headers of pages are two structs deep; what nests further is damaged."""


class TooShort(Exception):
    """The bytes end before the struct does."""


def read_struct(data: bytes) -> tuple[dict[int, Any], int]:
    """The first struct in some bytes.

    Args:
        data: Bytes that begin with it.

    Returns:
        Its fields by their ids (inner structs as dictionaries, too), and how many bytes it takes.

    Raises:
        TooShort: More bytes are needed.
        ValueError: It is no such struct.
    """
    parser = _Parser(data)
    return parser.struct(0), parser.position


class _Parser:
    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, 0

    def take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self.data):
            raise TooShort
        taken, self.position = self.data[self.position : end], end
        return taken

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise ValueError("a number of more than 64 bits")

    def signed(self) -> int:
        """A signed number: 0, -1, 1, -2 are written as 0, 1, 2, 3."""
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def struct(self, depth: int) -> dict[int, Any]:
        if depth > _DEEPEST:
            raise ValueError("structs nested too deeply")
        fields: dict[int, Any] = {}
        last = 0
        while (head := self.take(1)[0]) != _STOP:
            last = last + (head >> 4) if head >> 4 else self.signed()
            fields[last] = self.value(head & 0x0F, depth)
        return fields

    def value(self, kind: int, depth: int) -> Any:
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind == _BYTE:
            return self.take(1)[0]
        if kind in (4, 5, 6):  # integers of 16, 32 and 64 bits
            return self.signed()
        if kind == _DOUBLE:
            return struct.unpack("<d", self.take(8))[0]
        if kind == _BINARY:
            return self.take(self.varint())
        if kind in (_LIST, _SET):
            head = self.take(1)[0]
            count = head >> 4 if head >> 4 < 15 else self.varint()
            if count > len(self.data):  # every element takes a byte at least
                raise TooShort
            boolean = head & 0x0F in (_TRUE, _FALSE)
            return [self.take(1)[0] == _TRUE if boolean else self.value(head & 0x0F, depth + 1) for _ in range(count)]
        if kind == _STRUCT:
            return self.struct(depth + 1)
        raise ValueError(f"a field of the unknown type {kind}")
