"""The alphas of all images of a run (`codo.loading.salient_views`) in one file, computed once.

``alphas.bin`` in the run's folder: 13 bytes `MAGIC` and 16 bytes that tell whose alphas they are, then a record for
every image of the catalog, in its order: the length of the rest (uint32), and the rest, compressed by zlib.
Uncompressed it is empty for an image without an object, else, all little-endian:

======  ==============  =========================================================
h w n   3 uint16        height and width of the alpha, number of different values
values  n float32       the values
number  h w uint16      which value each pixel has
======  ==============  =========================================================

Superpixels have one value each, so about a kilobyte holds what would be 50 as float32, without a loss. Records are
appended: after an interruption those that are there are kept, and the next start computes the others. A length of zero,
which a power failure may leave at the end, is no record.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter, thread_time
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from codo.core.errors import CodoError
from codo.machine.cpu import usable_cores

Alpha = npt.NDArray[np.float32]

MAGIC: Final = b"codo alphas 1"
CHUNK: Final = 256
"""Images after which the file is brought to disk."""
_LENGTH, _SHAPE = struct.Struct("<I"), struct.Struct("<HHH")


class Computed(NamedTuple):
    """What `complete` did.

    Attributes:
        images: Images whose alphas it has computed.
        core_seconds: CPU time.
        seconds: Time of the clock.
    """

    images: int
    core_seconds: float
    seconds: float


class StoredAlphas:
    """The alphas in a file, which stay on disk: forked workers share its pages, pickled ones open it again.

    Args:
        path: A file of `complete`.

    Raises:
        CodoError: It is missing or is no such file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise _other(path, f"the alphas of the run cannot be read ({error})") from error
        self.owner = self._bytes[len(MAGIC) : _start()]
        if not self._bytes[: _start()].startswith(MAGIC) or len(self._bytes) < _start():
            raise _other(path, "this is no file of alphas")
        self._ends = _ends(self._bytes)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, i: int) -> Alpha | None:
        """The alpha ``(h, w)`` of an image; ``None`` without an object."""
        record = self._bytes[self._ends[i] + _LENGTH.size : self._ends[i + 1]]
        try:
            return unpack(record)
        except (zlib.error, struct.error, ValueError) as error:
            raise _other(self.path, f"the alpha of image {i} is damaged ({error})") from error

    def __reduce__(self) -> tuple[object, ...]:
        return (StoredAlphas, (self.path,))

    @property
    def size(self) -> int:
        """Bytes up to the end of the last complete record."""
        return int(self._ends[-1])

    def objects(self) -> int:
        """Number of images with an object."""
        return int((np.diff(self._ends) > _LENGTH.size + len(pack(None))).sum())


def complete(path: Path, owner: bytes, images: int, alpha: Callable[[int], Alpha | None]) -> Computed:
    """Compute the alphas that a file lacks, with all cores; deterministic, whatever was there and however many cores.

    Args:
        path: The file; created if it is missing.
        owner: 16 bytes that depend on everything that the alphas depend on.
        images: Number of images.
        alpha: Computes that of an image; called by several threads.

    Raises:
        CodoError: The file has alphas of other images or settings; or ``alpha`` cannot read an image.
    """
    begin, kept = perf_counter(), 0
    if path.exists() and path.stat().st_size >= _start():
        found = StoredAlphas(path)
        kept, size = len(found), found.size
        if found.owner != owner or kept > images:
            raise _other(path, "the alphas are of other images, or of another options.foreground")
        if kept == images:
            return Computed(0, 0.0, 0.0)
        os.truncate(path, size)
    else:
        path.write_bytes(MAGIC + owner)

    def record(i: int) -> tuple[bytes, float]:
        started = thread_time()
        return pack(alpha(i)), thread_time() - started

    total = 0.0
    with path.open("ab") as file, ThreadPoolExecutor(usable_cores()) as pool:
        for first in range(kept, images, CHUNK):
            for content, seconds in pool.map(record, range(first, min(first + CHUNK, images))):
                file.write(_LENGTH.pack(len(content)) + content)
                total += seconds
            file.flush()
            os.fsync(file.fileno())
    return Computed(images - kept, total, perf_counter() - begin)


def owner_of(hashes: npt.NDArray[np.uint8], *settings: object) -> bytes:
    """16 bytes for the content of images ``(N, 16)``, in their order, and for settings."""
    digest = hashlib.blake2b(repr(settings).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(hashes).tobytes())
    return digest.digest()


def pack(alpha: Alpha | None) -> bytes:
    """The record of an alpha, without its length; see the top of this file."""
    if alpha is None:
        return zlib.compress(b"")
    values, numbers = np.unique(alpha, return_inverse=True)
    head = _SHAPE.pack(*alpha.shape, len(values))
    return zlib.compress(head + values.astype("<f4").tobytes() + numbers.astype("<u2").tobytes())


def unpack(record: bytes) -> Alpha | None:
    """The alpha of a record."""
    content = zlib.decompress(record)
    if not content:
        return None
    height, width, count = _SHAPE.unpack_from(content)
    values = np.frombuffer(content, "<f4", count, _SHAPE.size)
    numbers = np.frombuffer(content, "<u2", height * width, _SHAPE.size + values.nbytes)
    alpha: Alpha = values.astype(np.float32)[numbers].reshape(height, width)
    return alpha


def _start() -> int:
    return len(MAGIC) + 16


def _ends(content: mmap.mmap) -> npt.NDArray[np.int64]:
    """Where records end, the first number being where they begin."""
    ends = [_start()]
    while (at := ends[-1] + _LENGTH.size) <= len(content):
        (length,) = _LENGTH.unpack_from(content, ends[-1])
        if length == 0 or at + length > len(content):
            break
        ends.append(at + length)
    return np.array(ends)


def _other(path: Path, what: str) -> CodoError:
    return CodoError(what, where=str(path), fix="put the images and the file back, or start again in a new out=")
