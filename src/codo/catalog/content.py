"""Content hashes, and whether the files of a catalog still have the content that they had when it was made.

Another length, another size in pixels and damage are noticed wherever an image is read. A file replaced by one of the
same length and size is not: that takes its hash, 7% of the time of decoding. So only files are hashed whose times are
later than the catalog's, by each process once. For all others it costs a look at the file's times (3 us).

Objects in a store have no time that comes with their bytes, and their transport takes far longer than their hash: they
are hashed whenever they are read. Copies of them on a local disk are hashed by each process once.
"""

from __future__ import annotations

import hashlib
import os

import numpy as np

from codo.core.paths import is_url


def content_hash(data: bytes) -> bytes:
    """blake2b-128 of a file: equal exactly for byte-identical images."""
    return hashlib.blake2b(data, digest_size=16).digest()


def hash_span(path: str, offset: int, size: int) -> bytes:
    """`content_hash` of a part of a file that need not fit into memory; ``size`` -1 is all from ``offset`` on."""
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        file.seek(offset)
        while size and (block := file.read(1 << 22 if size < 0 else min(size, 1 << 22))):
            digest.update(block)
            size -= len(block) if size > 0 else 0
    return digest.digest()


def time_of(path: str) -> int:
    """When a local file was written or, if that is later, put in its place, in ns; 0 for URLs and missing files.

    A file that is moved over another keeps the time at which it was written; its inode's time tells.
    """
    if is_url(path):
        return 0
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # no file has a name with a zero byte
        return 0
    return max(status.st_mtime_ns, status.st_ctime_ns)


class Checked:
    """Which images are known to have their content, for one process.

    Args:
        made: Time of the catalog's file in ns; 0 if it is unknown, and nothing is checked then.
        rows: Number of images.
    """

    def __init__(self, made: int, rows: int) -> None:
        self.made = made
        self._times = np.zeros(rows, np.int64)  # of the file when its content was last found right

    def later(self, path: str) -> int:
        """The time of a file if it is not before the catalog's, else 0."""
        time = time_of(path) if self.made else 0
        return time if time >= self.made else 0

    def due(self, row: int, path: str, *, copied: bool = False) -> int:
        """The time of a file whose content has to be checked, else 0.

        Args:
            row: The image.
            path: Where its file is read. One that is read from a store has to be checked whenever it is: 1.
            copied: Whether that is a copy of a file in a store, which has to be checked by each process once.
        """
        if is_url(path):
            return 1
        time = time_of(path) if copied else self.later(path)
        return time if time != self._times[row] else 0

    def passed(self, row: int, time: int) -> None:
        """The content of a row is right, in a file of this time."""
        self._times[row] = time
