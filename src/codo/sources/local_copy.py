"""Files of an object store, copied into the cache: labeled data, and the shards of catalogs (``local_copy=true``).

The copy has the paths of the store, so that a folder and what lies in it are copied once::

    s3://bucket/coco/train/1.jpg    CODO_CACHE/labeled/s3/bucket/coco/train/1.jpg
    s3://bucket/shards/000.tar      CODO_CACHE/images/s3/bucket/shards/000.tar

A file whose size or time differs from the store's is copied again, sequentially. Of labeled data one that is gone there
is removed. A process asks the store once. Settings and runs keep the URL.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from codo.catalog.reading import copy_path
from codo.core.cache import IMAGES, LABELED, LOCK, default_cache
from codo.core.errors import CodoError, InputError
from codo.core.io import FileLock, explain_full_disk, remove_temporary
from codo.core.remote import RemoteFile, RemoteFolder

AT_ONCE = 16
"""Files that are copied at the same time."""
PATIENCE = 24 * 3600.0
"""Seconds to wait for another process that copies."""
PRECISION = 1.0
"""Of times, in seconds: stores tell whole seconds in one answer and fractions in another. What is replaced by as many
bytes within the second of its upload is not noticed here, but by the hashes of a catalog."""


class CopiedKind(NamedTuple):
    """What is copied.

    Attributes:
        folder: Where, in the cache.
        label: What it is, for messages.
        instead: What to do without a copy, for messages.
    """

    folder: str
    label: str
    instead: str


class Source(NamedTuple):
    """Where a copy comes from: a file in a folder of a store, by its name there."""

    remote: RemoteFolder
    name: str
    file: RemoteFile


LABELED_DATA = CopiedKind(LABELED, "labeled data", "give data= a local folder")
IMAGE_FILES = CopiedKind(IMAGES, "image files", "set local_copy=false, which reads them in place")


@lru_cache(maxsize=64)
def local_copy(url: str, cache: Path) -> Path:
    """Copy what is new of a folder or file of labeled data, and return the path of the copy.

    Args:
        url: The folder or file.
        cache: The cache folder.

    Raises:
        InputError: There is nothing at the URL, it cannot be read, or the disk of the cache is too small.
        CodoError: The store cannot be reached, or the disk is full.
    """
    target = _target(url, LABELED_DATA, cache)
    remote, folder = _remote(url, LABELED_DATA), target
    files = remote.files()
    if not files:  # a file, or nothing
        remote, folder = _remote(url.rstrip("/").rpartition("/")[0], LABELED_DATA), target.parent
        files = {target.name: remote.file(target.name)}
    sources = {folder / name: Source(remote, name, file) for name, file in files.items()}
    with _alone(LABELED_DATA, cache):
        _copy(sources, LABELED_DATA, cache)
        if folder == target:
            for old in folder.rglob("*"):
                if old.is_file() and old not in sources:
                    old.unlink(missing_ok=True)
    return target


@lru_cache(maxsize=64)
def copy_images(urls: tuple[str, ...], cache: Path) -> Path:
    """Copy what is new of the files that hold the images of catalogs.

    Args:
        urls: The files.
        cache: The cache folder.

    Returns:
        The folder of all copies; `codo.catalog.reading.copy_path` says where each of them is in it.

    Raises:
        InputError: One is not there or cannot be read, or the disk of the cache is too small.
        CodoError: The store cannot be reached, or the disk is full.
    """
    targets = [_target(url, IMAGE_FILES, cache) for url in urls]
    sources = {
        target: source for target, source in zip(targets, _sources(urls), strict=True) if not _same(target, source)
    }
    if sources:
        with _alone(IMAGE_FILES, cache):
            _copy(sources, IMAGE_FILES, cache)
    return cache / IMAGES


def _sources(urls: Sequence[str]) -> list[Source]:
    """What the store says of files."""
    remotes = {folder: _remote(folder, IMAGE_FILES) for folder in {url.rpartition("/")[0] for url in urls}}
    for remote in remotes.values():
        remote.fs.invalidate_cache()

    def look(url: str) -> Source:
        folder, _, name = url.rpartition("/")
        source = Source(remotes[folder], name, remotes[folder].file(name))
        if not source.file.size:
            what = f"{IMAGE_FILES.label} whose size the store does not tell cannot be copied"
            raise InputError(what, where=url, fix=IMAGE_FILES.instead)
        return source

    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        return list(pool.map(look, urls))
    finally:
        pool.shutdown(cancel_futures=True)


def url_of(path: str | Path) -> str:
    """The URL of a local copy, so that settings mean the same on another machine; any other path as it is."""
    root = default_cache() / LABELED
    if not Path(path).is_relative_to(root):
        return str(path)
    protocol, *place = Path(path).relative_to(root).parts
    return f"{protocol}://{'/'.join(place)}"


def _target(url: str, kind: CopiedKind, cache: Path) -> Path:
    """Where a folder or file is copied to."""
    place = url.partition("://")[2]
    if "::" in url or any(part in ("", ".", "..") for part in place.strip("/").split("/")):
        fix = f"give the URL of the folder or file itself, or {kind.instead}"
        raise InputError(f"{kind.label} at an unusual URL", where=url, fix=fix)
    return Path(copy_path(cache / kind.folder, url))


def _remote(url: str, kind: CopiedKind) -> RemoteFolder:
    return RemoteFolder(url, kind.label, kind.instead)


@contextmanager
def _alone(kind: CopiedKind, cache: Path) -> Iterator[None]:
    """Wait until no other process copies into a folder of the cache, and keep them out meanwhile."""
    folder = cache / kind.folder
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    if not lock.acquire():
        print(f"waiting for another process that copies {kind.label} to {folder}", file=sys.stderr, flush=True)
        if not lock.acquire(PATIENCE):
            fix = "end that process, then run the same command again"
            raise CodoError(
                f"another process has been copying for {PATIENCE / 3600:.0f} hours", where=str(folder), fix=fix
            )
    try:
        yield
    finally:
        lock.release()


def _copy(sources: Mapping[Path, Source], kind: CopiedKind, cache: Path) -> None:
    """Copy the files that are not there yet."""
    sources = {path: source for path, source in sources.items() if not _same(path, source)}
    if not sources:
        return
    for folder in {path.parent for path in sources}:
        remove_temporary(folder)
    size, free = sum(source.file.size for source in sources.values()), shutil.disk_usage(cache).free
    if size > free:
        what = (
            f"{size / 1e9:,.1f} GB of {kind.label} do not fit into the cache, whose disk has {free / 1e9:,.1f} GB left"
        )
        raise InputError(what, where=str(cache), fix=f"set CODO_CACHE to a larger disk, or {kind.instead}")
    folders = list(dict.fromkeys(source.remote.url for source in sources.values()))
    of = folders[0] if len(folders) == 1 else f"{len(folders):,} folders such as {folders[0]}"
    words = f"copying {len(sources):,} files ({size / 1e6:,.1f} MB) from {of} to {cache / kind.folder}"
    print(words, file=sys.stderr, flush=True)
    stopped, counting = threading.Event(), threading.Lock()
    bar = tqdm(total=size, unit="B", unit_scale=True, disable=None)

    def count(arrived: int) -> None:
        if stopped.is_set():  # Ctrl+C must not wait for the rest of the shards on their way
            raise InterruptedError
        with counting:
            bar.update(arrived)

    def copy(path: Path) -> None:
        remote, name, file = sources[path]
        remote.get(name, file.size, path, count)
        if file.time:
            os.utime(path, (file.time, file.time))

    pool = ThreadPoolExecutor(AT_ONCE)
    with bar, explain_full_disk(cache):
        try:
            for _ in pool.map(copy, sources):
                pass
        finally:
            stopped.set()
            pool.shutdown(cancel_futures=True)


def _same(path: Path, source: Source) -> bool:
    """Whether a local file is the copy of one in the store."""
    try:
        status = path.stat()
    except OSError:
        return False
    size, time = source.file
    return status.st_size == size and (not time or abs(status.st_mtime - time) < PRECISION)
