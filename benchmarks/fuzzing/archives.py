"""Archives: tars and zips of drawn images, mutants of their headers, and `codo prepare` of each."""

from __future__ import annotations

import io
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.fuzzing.formats import ACCEPTED, FAILURE, REFUSED, REJECTED, Given, Mutant, Outcome
from benchmarks.fuzzing.images import encoded, pixels
from benchmarks.fuzzing.mutations import EXTREMES, mutate

NAMES = (
    "../escape.jpg",
    "../../../../../../tmp/escape.jpg",
    "/escape.jpg",
    "/etc/passwd",
    "a/../../b.jpg",
    "C:\\escape.jpg",
    "..\\escape.jpg",
    "\\\\host\\share\\x.jpg",
    "http://192.0.2.1/x.jpg",
    "file:///etc/passwd",
    "name\nwith\nlines.jpg",
    "a" * 300 + ".jpg",
    "d/" * 200 + "deep.jpg",
    "same.jpg",
    "x.jpg/y.jpg",
    "<img src=x onerror=1>.jpg",
    "\udcff\udcfe.jpg",
    "dot..jpg",
    "image.jpg#page=0,1,2,snappy",
)
"""Names of members that ask to be written, read or fetched elsewhere."""

BLOCK = 512
_SMALL: list[bytes] = []


def small_images() -> list[bytes]:
    """Three images that may stand in an archive."""
    from PIL import Image

    if not _SMALL:
        color = Image.fromarray(pixels())
        _SMALL.extend([encoded(color, "JPEG"), encoded(color.rotate(90), "PNG"), encoded(color.rotate(180), "WEBP")])
    return _SMALL


def tar_seeds(folder: Path) -> None:
    for number, form in enumerate((tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)):
        inner = _tar(form, [(f"inner-{n}.png", data) for n, data in enumerate(small_images())])
        members = [(f"{'long/' * 25}{n}.jpg", data) for n, data in enumerate(small_images())]
        if number:
            members += [("é.jpg", small_images()[0]), ("class.tar", inner)]
        (folder / f"{number}.tar").write_bytes(_tar(form, [*members, ("notes.json", b"{}")]))


def _tar(form: int, members: Sequence[tuple[str, bytes]]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


def tar(rng: Random, seeds: Sequence[bytes], values: Sequence[object]) -> Mutant:
    """Bytes changed anywhere; or header fields, with right checksums; or members of other kinds and names."""
    what = rng.random()
    if what < 0.3:
        return Mutant(mutate(rng, rng.choice(seeds), seeds))
    if what < 0.6:
        return Mutant(_tar_fields(rng, rng.choice(seeds)))
    return _tar_members(rng)


def _tar_fields(rng: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    headers = [at for at in range(0, len(data), BLOCK) if data[at + 257 : at + 262] == b"ustar"]
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.choice(headers)
        field, length = rng.choice(
            ((124, 12), (124, 12), (124, 12), (156, 1), (156, 1), (100, 8), (345, 155), (0, 100))
        )
        if length == 12:
            changed[at + field : at + field + 12] = _tar_number(rng)
        elif length == 1:
            changed[at + field] = rng.choice(b"0123456789xgLKSDVNMX\0\xff")
        else:
            changed[at + field : at + field + length] = mutate(
                rng, bytes(data[at + field : at + field + length]), [data]
            )[:length].ljust(length, b"\0")
        fix_checksum(changed, at)
    return bytes(changed)


def _tar_number(rng: Random) -> bytes:
    value = rng.choice((*EXTREMES, -1, -512, -10_000, 511, 513, 10**5))
    what = rng.randrange(4)
    if what == 0 and value >= 0:
        return f"{value % 8**11:011o}\0".encode()
    if what == 1:
        return rng.choice((b"99999999999\0", b"-0000000512\0", b"           \0", b"\0" * 12, b"0x10       \0"))
    return (b"\x80" if value >= 0 else b"\xff") + value.to_bytes(11, signed=value < 0)


def fix_checksum(data: bytearray, at: int) -> None:
    """Write the right checksum into the tar header at a position."""
    data[at + 148 : at + 156] = b" " * 8
    data[at + 148 : at + 156] = f"{sum(data[at : at + BLOCK]):06o}\0 ".encode()


def _tar_members(rng: Random) -> Mutant:
    """A tar of valid headers; the number of images in it is known."""
    file, images = io.BytesIO(), 0
    form = rng.choice((tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT))
    with tarfile.open(fileobj=file, mode="w", format=form, errors="surrogateescape") as archive:
        for number in range(rng.randrange(1, 6)):
            info = tarfile.TarInfo(rng.choice((f"{number}.jpg", rng.choice(NAMES))))
            kinds = (
                tarfile.SYMTYPE,
                tarfile.LNKTYPE,
                tarfile.CHRTYPE,
                tarfile.BLKTYPE,
                tarfile.FIFOTYPE,
                tarfile.DIRTYPE,
            )
            info.type = rng.choice((tarfile.REGTYPE, tarfile.REGTYPE, tarfile.REGTYPE, tarfile.CONTTYPE, *kinds))
            info.linkname = rng.choice(("", "/etc/passwd", "../../escape", "0.jpg"))
            data = rng.choice(small_images()) if info.type in (tarfile.REGTYPE, tarfile.CONTTYPE) else b""
            info.size = len(data)
            if form == tarfile.PAX_FORMAT and rng.random() < 0.3:
                keys = ("comment", "path", "linkpath", "GNU.sparse.name", "SCHILY.xattr.user.x", "hdrcharset")
                info.pax_headers = {rng.choice(keys): rng.choice(("../x.jpg", "BINARY", "a\nb", "9" * 50))}
            try:
                archive.addfile(info, io.BytesIO(data))
            except (ValueError, UnicodeError):  # a name that this format cannot hold
                continue
            images += bool(data) and not info.pax_headers
    odd = any(mark in file.getvalue() for mark in (b"/etc/passwd", b"http://", b"#page"))
    return Mutant(file.getvalue(), None if odd else images)


def zip_seeds(folder: Path) -> None:
    for number, how in enumerate((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED)):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", how) as archive:
            archive.mkdir("folder")
            for n, data in enumerate(small_images()):
                with archive.open(f"folder/é{n}.jpg", "w", force_zip64=number == 2) as member:
                    member.write(data)
            archive.writestr("notes.json", "{}")
            archive.comment = b"a comment" * number
        (folder / f"{number}.zip").write_bytes(file.getvalue())


def zipped(rng: Random, seeds: Sequence[bytes], values: Sequence[object]) -> Mutant:
    """Bytes changed anywhere; or fields of headers and directory; or members of other names; or bombs."""
    what = rng.random()
    if what < 0.35:
        return Mutant(mutate(rng, rng.choice(seeds), seeds))
    if what < 0.7:
        return Mutant(_zip_fields(rng, rng.choice(seeds)))
    if what < 0.71:
        return _zip_bomb(rng)
    return _zip_members(rng)


_FIELDS: dict[bytes, tuple[tuple[int, str], ...]] = {
    b"PK\3\4": ((4, "H"), (6, "H"), (8, "H"), (18, "I"), (22, "I"), (26, "H"), (28, "H")),
    b"PK\1\2": (
        *((6, "H"), (8, "H"), (10, "H"), (10, "H"), (16, "I"), (20, "I"), (20, "I"), (24, "I"), (28, "H"), (30, "H")),
        *((32, "H"), (34, "H"), (38, "I"), (42, "I"), (42, "I")),
    ),
    b"PK\5\6": ((4, "H"), (6, "H"), (8, "H"), (10, "H"), (12, "I"), (16, "I"), (20, "H")),
    b"PK\6\6": ((4, "Q"), (24, "Q"), (32, "Q"), (40, "Q"), (48, "Q")),
    b"\1\0\x10\0": ((0, "H"), (2, "H"), (4, "Q"), (12, "Q")),
}
"""Signature of a part -> places and sizes of its numbers; the last one is the extra field of zip64."""


def _zip_fields(rng: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2))):
        marks = [(at, mark) for mark in _FIELDS for at in range(len(data)) if data.startswith(mark, at)]
        at, mark = rng.choice(marks)
        place, size = rng.choice(_FIELDS[mark])
        if at + place + struct.calcsize(size) <= len(data):
            value = rng.choice((*EXTREMES, 12, 14, 93, 99, len(data), len(data) - 30))
            struct.pack_into(f"<{size}", changed, at + place, value % (1 << 8 * struct.calcsize(size)))
    return bytes(changed)


def _zip_members(rng: Random) -> Mutant:
    file, images = io.BytesIO(), 0
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(rng.randrange(1, 6)):
            name = rng.choice((f"{number}.jpg", rng.choice(NAMES)))
            info = zipfile.ZipInfo(name.encode(errors="replace").decode())
            info.compress_type = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
            info.external_attr = rng.choice((0, 0o120777 << 16, 0o060644 << 16, 0o040755 << 16 | 16))
            info.extra = rng.choice((b"", b"", rng.randbytes(8), struct.pack("<HHQ", 1, 8, 2**63)))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # two members of one name are meant
                archive.writestr(info, rng.choice(small_images()))
            images += 1
    return Mutant(file.getvalue())


def _zip_bomb(rng: Random) -> Mutant:
    """Members that inflate to far more than they are, or all are the same bytes of the file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.png", bytes(rng.choice((10**6, 10**8))))
    data = bytearray(file.getvalue())
    if rng.random() < 0.5:  # 50 entries of the directory for one member
        begin, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
        entry = bytes(data[begin:end])
        data[begin:end] = b"".join(entry.replace(b"zeros.png", b"zero%02d.png" % n) for n in range(50))
        end = data.index(b"PK\5\6")
        struct.pack_into("<HHI", data, end + 8, 50, 50, end - begin)
    return Mutant(bytes(data))


def read(one: Given, folder: Path, **settings: Any) -> Outcome:
    """Prepare one archive or table; what its catalog and rejections have must be what was listed of it."""
    from codo.core.errors import CodoError
    from codo.preparation.prepare import prepare
    from codo.sources.source import list_sources

    listed = list_sources([str(one.path)], image_column=settings.get("image_column"))
    how = {"propose": False, "jobs": 1, "progress": False, "max_rejected": 1, "min_side": 1}
    try:
        catalog = prepare(one.path, folder, **how, **settings)
    except CodoError as error:
        if error.what != "no image is left":
            raise
        rows = (folder / "rejected.csv").read_text(encoding="utf-8").count("\n") - 1
        return Outcome(REJECTED, "every image") if rows else Outcome(REFUSED, "no member is an image")
    counts = catalog.counts
    seen = counts["images"] + counts["rejected"] + sum(counts["ignored"].values()) - sum(listed.ignored.values())
    if seen != len(listed.members):
        return Outcome(FAILURE, f"{len(listed.members)} listed, {seen} in catalog, rejections and count of ignored")
    if one.expected is not None and counts["images"] + counts["rejected"] + counts["repeated"] < one.expected:
        return Outcome(FAILURE, f"{one.expected} images given, {counts}"[:200])
    for row in range(len(catalog)):
        try:
            catalog.image(row)
        except CodoError as error:
            return Outcome(FAILURE, f"in the catalog, but not read: {error.what}"[:200])
    return Outcome(REJECTED if counts["rejected"] else ACCEPTED)
