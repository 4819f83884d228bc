"""The perceptual hashes of many images, computed once and kept in the cache.

::

    CACHE/perceptual/DIGEST.npy    uint64, one per image, in the order of the images

The digest is of the names, sizes and times of the files, or of the content hashes of a catalog's images. Small sets are
not kept.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codo.catalog.catalog import Catalog
from codo.core.cache import PERCEPTUAL, default_cache
from codo.core.errors import CodoError
from codo.core.io import open_atomically
from codo.duplicates.perceptual import perceptual_hash, thumbnail
from codo.machine.cpu import usable_cores

Hashes = npt.NDArray[np.uint64]
VERSION = "1"
KEPT = 500
"""Sets of at least this many images are kept: half a second of work."""
MAX_THREADS = 16


def hashes_of_files(paths: Sequence[Path]) -> Hashes:
    """The hashes of image files; that of a file that cannot be read is `codo.duplicates.perceptual.NOTHING`."""
    key = [] if len(paths) < KEPT else [_stamp(str(path)) for path in paths]
    return _kept(key, len(paths), lambda i: read_file(paths[i]))


def hashes_of_catalog(catalog: Catalog) -> Hashes:
    """The hashes of a catalog's images, in their order.

    Of images with the same file, such as the tiles of a picture, only the first has one; in shards each is a file.
    """
    names = np.ascontiguousarray(catalog.hashes).view("V16")[:, 0]
    first = set(np.unique(names, return_index=True)[1].tolist())
    key = ["packed" if catalog.packed else "", hashlib.blake2b(names.tobytes(), digest_size=16).hexdigest()]
    return _kept(key, len(catalog), lambda i: read_row(catalog, i) if catalog.packed or i in first else b"")


def read_file(path: Path) -> bytes:
    """The bytes of a file; empty if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def read_row(catalog: Catalog, i: int) -> bytes:
    """The bytes of an image of a catalog; empty if it has vanished or changed."""
    try:
        return catalog.read(i)
    except CodoError:
        return b""


def _kept(key: list[str], count: int, read: Callable[[int], bytes]) -> Hashes:
    """The hashes from the cache, or computed by several threads and kept there if it can be written."""
    digest = hashlib.blake2b("\0".join([VERSION, *key]).encode("utf-8", "backslashreplace"), digest_size=16)
    file = default_cache() / PERCEPTUAL / f"{digest.hexdigest()}.npy"
    if count >= KEPT:
        with suppress(OSError, ValueError):
            found: Hashes = np.load(file, allow_pickle=False)
            if found.shape == (count,) and found.dtype == np.uint64:
                return found
    with ThreadPoolExecutor(min(MAX_THREADS, usable_cores())) as pool:
        hashes = np.fromiter(pool.map(lambda i: perceptual_hash(thumbnail(read(i))), range(count)), np.uint64, count)
    if count >= KEPT:
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            with open_atomically(file) as writable:
                np.save(writable, hashes)
    return hashes


def _stamp(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return path
    return f"{path} {status.st_size} {status.st_mtime_ns}"
