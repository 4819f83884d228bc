"""Listing the members of tar and zip archives as spans that are later read in place.

* tar: uncompressed only, as a compressed one has no spans. Tars inside a tar are listed too: ILSVRC2012_img_train.tar
  has one per class. A WebDataset shard is a tar whose other members (``.json``, ``.cls``, …) are ignored.
* zip: stored and deflated members.
"""

from __future__ import annotations

import errno
import os
import struct
import tarfile
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import IO, cast

from codo.catalog.reading import Location
from codo.core.errors import DAMAGE, InputError, first_line
from codo.core.paths import filesystem, is_url
from codo.sources.folder import stamp
from codo.sources.listing import Member, clean_key, extension
from codo.sources.spool import spool

COMPRESSED_TARS = (".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz", ".tar.zst")

_LOCAL_HEADER = 30  # bytes before the name in a zip's local file header
_NAME_AND_EXTRA = struct.Struct("<HH")  # their lengths, the header's last four bytes


def is_archive(path: str) -> bool:
    """Whether the name is that of an archive that can be read in place."""
    return extension(path) in (".tar", ".zip")


def members(path: str) -> Collection[Member]:
    """The files in an archive, in its order.

    Raises:
        InputError: The archive is damaged, cut short, or compressed as a whole.
    """
    if path.lower().endswith(COMPRESSED_TARS):
        raise InputError(
            "a compressed tar cannot be read in place", where=path, fix="decompress it once, to a plain .tar"
        )
    with _opened(path) as (file, time):
        try:
            if extension(path) == ".zip":
                return spool(_in_zip(path, file, time))
            return spool(_in_tar(path, file, time))
        except (tarfile.TarError, zipfile.BadZipFile, struct.error, OSError, *DAMAGE) as error:
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise  # the disk or the network; EINVAL is a place that no file has
            what = f"damaged archive ({first_line(error)})"
            raise InputError(what, where=path, fix="copy or download it again") from error


@contextmanager
def _opened(path: str) -> Iterator[tuple[IO[bytes], int]]:
    """The archive as a file, and its time."""
    if is_url(path):
        fs, inner = filesystem(path)
        with fs.open(inner, "rb") as file:
            yield cast(IO[bytes], file), stamp(fs.info(inner))
    else:
        with open(path, "rb") as file:
            yield file, os.stat(path).st_mtime_ns


def _in_tar(path: str, file: IO[bytes], time: int, prefix: str = "") -> Iterator[Member]:
    """Members of the tar that begins at the position of ``file``; those of inner tars get their name in front."""
    with tarfile.open(fileobj=file, mode="r:") as tar:
        end = -1
        while (info := tar.next()) is not None:
            if tar.offset <= end:  # a size below zero: the same members would come again for ever
                raise tarfile.ReadError(f"the member at byte {info.offset} ends before it begins")
            end = tar.offset
            # It would keep a kilobyte per member; from Python 3.13 on stream=True does this.
            tar.members.clear()  # type: ignore[attr-defined]  # typeshed lacks the list
            if not info.isreg() or info.issparse():
                continue
            key = prefix + clean_key(info.name)
            if extension(key) == ".tar":
                file.seek(info.offset_data)
                yield from _in_tar(path, file, time, f"{key.removesuffix('.tar')}/")
            else:
                yield Member(key, Location(path, info.offset_data, info.size), time)
        # tarfile takes a damaged header for the end; the remaining images must not be dropped silently.
        file.seek(tar.offset)
        if file.read(tarfile.BLOCKSIZE).strip(b"\0"):
            raise tarfile.ReadError(f"no header at byte {tar.offset}")


def _in_zip(path: str, file: IO[bytes], time: int) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        infos = sorted((info for info in archive.infolist() if not info.is_dir()), key=lambda info: info.header_offset)
    for info, begin in zip(infos, _data_offsets(path, file, infos), strict=True):
        deflated = info.compress_type == zipfile.ZIP_DEFLATED
        problem = ""
        if info.flag_bits & 1:
            problem = "unreadable: encrypted in the zip"
        elif not deflated and info.compress_type != zipfile.ZIP_STORED:
            problem = f"unreadable: zip compression {info.compress_type} (0, stored, and 8, deflate, can be read)"
        yield Member(clean_key(info.filename), Location(path, begin, info.compress_size, deflated), time, problem)


def _data_offsets(path: str, file: IO[bytes], infos: list[zipfile.ZipInfo]) -> Iterator[int]:
    """Where the data of each member begins: behind its local header, whose length only that header tells."""
    begins = [info.header_offset for info in infos]
    if is_url(path):
        # All at once: one request after the other would take a round trip each.
        fs, inner = filesystem(path)
        ends = [begin + _LOCAL_HEADER for begin in begins]
        headers = fs.cat_ranges([inner] * len(begins), begins, ends)
    else:
        headers = (os.pread(file.fileno(), _LOCAL_HEADER, begin) for begin in begins)
    for begin, header in zip(begins, headers, strict=True):
        if header[:4] != b"PK\x03\x04":
            raise zipfile.BadZipFile("a local header is not where the directory says")
        yield begin + _LOCAL_HEADER + sum(_NAME_AND_EXTRA.unpack(header[-4:]))
