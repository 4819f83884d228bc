"""Mutants of images that know their parts: chunks of PNG, segments of JPEG, entries of TIFF, boxes of WebP and AVIF."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from random import Random

from benchmarks.fuzzing.formats import Mutant
from benchmarks.fuzzing.mutations import EXTREMES, mutate, near_marks

_PNG = b"\x89PNG\r\n\x1a\n"
SIDES = (0, 1, 2, 31, 9000, 20_000, 65_535, 65_536, 2**31 - 1, 2**32 - 1)
"""Widths and heights: nothing, more pixels than are allowed, more than any computer has."""


def jpeg(rng: Random, seeds: Sequence[bytes], values: Sequence[object]) -> Mutant:
    data = rng.choice(seeds)
    if rng.random() < 0.6:
        return Mutant(mutate(rng, data, seeds))
    changed = bytearray(data)
    places = [at for at in range(len(data) - 9) if data[at] == 0xFF and data[at + 1] not in (0, 0xFF)]
    at = rng.choice(places)
    frames = [at for at in places if data[at + 1] in (0xC0, 0xC1, 0xC2)]
    what = rng.randrange(4)
    if what == 0 and frames:
        struct.pack_into(">HH", changed, frames[0] + 5, *(rng.choice(SIDES) & 0xFFFF for _ in "hw"))
    elif what == 1:
        struct.pack_into(">H", changed, at + 2, rng.choice(EXTREMES) & 0xFFFF)
    elif what == 2:
        changed[at + 1] = rng.randrange(0xC0, 0x100)
    else:
        length = 2 + int.from_bytes(data[at + 2 : at + 4])
        changed[at:at] = data[at : at + length] * rng.choice((1, 1, 200))
    return Mutant(bytes(changed))


def png(rng: Random, seeds: Sequence[bytes], values: Sequence[object]) -> Mutant:
    data = rng.choice(seeds)
    if rng.random() < 0.3:
        return Mutant(mutate(rng, data, seeds))
    chunks = png_chunks(data)
    at = rng.randrange(len(chunks))
    name, body = chunks[at]
    what = rng.randrange(7)
    if what == 0:
        header = struct.pack(">II", rng.choice(SIDES), rng.choice(SIDES)) + chunks[0][1][8:]
        chunks[0] = (b"IHDR", header)
        if rng.random() < 0.1:
            chunks = [chunks[0], (b"IDAT", zlib.compress(bytes(20_000_000))), (b"IEND", b"")]
    elif what == 1:
        chunks[0] = (
            b"IHDR",
            chunks[0][1][:8] + bytes(rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 32, 255)) for _ in range(5)),
        )
    elif what == 2:
        chunks.insert(rng.randrange(len(chunks) + 1), rng.choice(png_chunks(rng.choice(seeds))))
    elif what == 3:
        del chunks[at]
    elif what == 4:
        rng.shuffle(chunks)
    elif what == 5:
        kind = rng.choice((b"zTXt", b"iCCP", b"iTXt"))
        size = rng.choice((10, 1000, 100_000, 30_000_000) if rng.random() < 0.1 else (10, 1000))
        middle = b"\0\1\0\0\0" if kind == b"iTXt" else b"\0\0"
        chunks.insert(1, (kind, b"name" + middle + zlib.compress(bytes(size))))
    else:
        chunks[at] = (name, mutate(rng, body or b"\0", [one for _, one in chunks]))
    return Mutant(png_file(chunks))


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Name and content of each chunk."""
    chunks, at = [], len(_PNG)
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4])
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def png_file(chunks: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A file of chunks, with right checksums."""
    parts = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    return _PNG + b"".join(parts)


def tiff(rng: Random, seeds: Sequence[bytes], values: Sequence[object]) -> Mutant:
    data = rng.choice(seeds)
    big = data[2:4] in (b"+\0", b"\0+")
    if rng.random() < 0.4 or big:
        return Mutant(mutate(rng, data, seeds))
    order = "<" if data[:2] == b"II" else ">"
    changed = bytearray(data)
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, start)
    for _ in range(rng.choice((1, 1, 2))):
        at = start + 2 + 12 * rng.randrange(count)
        what = rng.randrange(7)
        if what == 0:
            struct.pack_into(f"{order}H", changed, at + 2, rng.choice((0, 1, 2, 3, 4, 5, 7, 12, 13, 16, 99)))
        elif what == 1:
            struct.pack_into(f"{order}I", changed, at + 4, rng.choice(EXTREMES) & 0xFFFFFFFF)
        elif what in (2, 3):
            struct.pack_into(f"{order}I", changed, at + 8, rng.choice((*EXTREMES, start, *SIDES)) & 0xFFFFFFFF)
        elif what == 4:
            tags = (
                256,
                257,
                258,
                259,
                262,
                273,
                277,
                278,
                279,
                284,
                317,
                322,
                323,
                324,
                325,
                338,
                339,
                34675,
                700,
                530,
            )
            struct.pack_into(f"{order}H", changed, at, rng.choice(tags))
        elif what == 5:
            struct.pack_into(
                f"{order}I", changed, start + 2 + 12 * count, rng.choice((start, 8, *EXTREMES)) & 0xFFFFFFFF
            )
        else:
            side = (
                start
                + 2
                + 12
                * next(
                    i
                    for i in range(count)
                    if struct.unpack_from(f"{order}H", data, start + 2 + 12 * i)[0] in (256, 257)
                )
            )
            struct.pack_into(f"{order}HI", changed, side + 2, 4, 1)
            struct.pack_into(f"{order}I", changed, side + 8, rng.choice(SIDES) & 0xFFFFFFFF)
    return Mutant(bytes(changed))


def webp(rng: Random, seeds: Sequence[bytes], values: Sequence[object]) -> Mutant:
    return _boxed(rng, seeds, (b"RIFF", b"WEBP", b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"EXIF"))


def avif(rng: Random, seeds: Sequence[bytes], values: Sequence[object]) -> Mutant:
    boxes = (b"ftyp", b"meta", b"hdlr", b"pitm", b"iloc", b"iinf", b"infe", b"iprp", b"ipco", b"ispe", b"pixi", b"av1C")
    return _boxed(rng, seeds, (*boxes, b"ipma", b"mdat", b"moov", b"trak", b"stsz", b"stco", b"stsc", b"irot", b"Exif"))


def _boxed(rng: Random, seeds: Sequence[bytes], marks: Sequence[bytes]) -> Mutant:
    data = rng.choice(seeds)
    if rng.random() < 0.5:
        return Mutant(mutate(rng, data, seeds))
    for _ in range(rng.choice((1, 1, 2))):
        data = near_marks(rng, data, marks)
    return Mutant(data)
