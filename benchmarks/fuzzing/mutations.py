"""Changes to bytes that know nothing of the format, and a few that know where formats keep their numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

EXTREMES = (0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 10**6, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
"""Where signs change and widths end."""

LONGEST = 1 << 20
"""Bytes that a mutant may grow to, archives and bombs apart."""

Operation = Callable[[Random, bytearray, Sequence[bytes]], None]


def place(rng: Random, data: Sequence[int] | bytes | bytearray) -> int:
    """A position: anywhere, or near the beginning or the end, where headers and directories are."""
    near = int(len(data) * rng.random() ** 4)
    return rng.choice((int(len(data) * rng.random()), near, max(len(data) - 1 - near, 0)))


def write_number(rng: Random, data: bytearray, at: int) -> None:
    """Overwrite one to eight bytes with an extreme number, in either byte order."""
    width = rng.choice((1, 2, 4, 4, 8))
    value = rng.choice(EXTREMES) % (1 << 8 * width)
    data[at : at + width] = value.to_bytes(width, rng.choice(("little", "big")))


def _flip(rng: Random, data: bytearray, others: Sequence[bytes]) -> None:
    if data:
        data[min(place(rng, data), len(data) - 1)] ^= 1 << rng.randrange(8)


def _set(rng: Random, data: bytearray, others: Sequence[bytes]) -> None:
    at = place(rng, data)
    data[at : at + 1] = bytes([rng.randrange(256)])


def _number(rng: Random, data: bytearray, others: Sequence[bytes]) -> None:
    write_number(rng, data, place(rng, data))


def _truncate(rng: Random, data: bytearray, others: Sequence[bytes]) -> None:
    del data[place(rng, data) :]


def _delete(rng: Random, data: bytearray, others: Sequence[bytes]) -> None:
    at = place(rng, data)
    del data[at : at + rng.choice((1, 2, 4, 16, 64, 512))]


def _duplicate(rng: Random, data: bytearray, others: Sequence[bytes]) -> None:
    at = place(rng, data)
    data[at:at] = data[at : at + rng.choice((1, 4, 16, 64, 512))] * rng.choice((1, 2, 64))


def _insert(rng: Random, data: bytearray, others: Sequence[bytes]) -> None:
    at = place(rng, data)
    data[at:at] = rng.choice((rng.randbytes(rng.choice((1, 4, 64))), bytes(rng.choice((1, 512, 4096))), b"\xff" * 16))


def _blank(rng: Random, data: bytearray, others: Sequence[bytes]) -> None:
    at = place(rng, data)
    length = min(rng.choice((1, 4, 32, 512)), len(data) - at)
    data[at : at + length] = rng.choice((b"\0", b"\xff", b"A")) * length


def _splice(rng: Random, data: bytearray, others: Sequence[bytes]) -> None:
    other = rng.choice(others)
    data[place(rng, data) :] = other[place(rng, other) :]


OPERATIONS: tuple[Operation, ...] = (
    *(_flip, _flip, _flip, _set, _set, _number, _number, _number),
    *(_truncate, _delete, _duplicate, _insert, _blank, _splice),
)


def mutate(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Some bytes with one to eight changes.

    Args:
        rng: Where choices come from.
        data: A valid file.
        others: More of them, to splice with.
    """
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        rng.choice(OPERATIONS)(rng, changed, others)
    return bytes(changed[:LONGEST])


def near_marks(rng: Random, data: bytes, marks: Sequence[bytes]) -> bytes:
    """Overwrite a number beside a name that a format has for its parts (``ispe`` of AVIF, ``VP8X`` of WebP)."""
    found = [data.index(mark) for mark in marks if mark in data]
    changed = bytearray(data)
    if found:
        write_number(rng, changed, max(rng.choice(found) + rng.choice((-4, 4, 6, 8, 12, 16)), 0))
    return bytes(changed)
