"""Files of an object store, copied into the cache: labeled data, and the shards of catalogs (``local_copy=true``).

The copy has the paths of the store, so that a folder and what lies in it are copied once::

    s3://bucket/coco/train/1.jpg    CODO_CACHE/labeled/s3/bucket/coco/train/1.jpg
    s3://bucket/shards/000.tar      CODO_CACHE/images/s3/bucket/shards/000.tar

A file whose size or time differs from the store's is copied again, by one request from begin to end. Of labeled data
one that is gone there is removed. A command looks once. Settings and runs keep the URL.
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

from codo.core.cache import IMAGES, LABELED, default_cache
from codo.core.errors import InputError
from codo.core.io import FileLock
from codo.core.remote import RemoteFile, RemoteFolder

AT_ONCE = 16
"""Files that are copied at the same time."""
PATIENCE = 24 * 3600.0
"""Seconds to wait for another process that copies."""
PRECISION = 0.01
"""Of the times of files on local disks, in seconds. Those of S3 are whole seconds: what is replaced by as many bytes
within the second of its upload is not noticed."""


class Kind(NamedTuple):
    """What is copied.

    Attributes:
        folder: Where, in the cache.
        words: What it is, for messages.
        instead: What to do without a copy, for messages.
    """

    folder: str
    words: str
    instead: str


LABELED_DATA = Kind(LABELED, "labeled data", "give data= a local folder")
IMAGE_FILES = Kind(IMAGES, "image files", "set local_copy=false, which reads them in place")


@lru_cache(maxsize=64)
def local_copy(url: str, cache: Path) -> Path:
    """Copy what is new of a folder or file of labeled data, and return the path of the copy.

    Args:
        url: The folder or file.
        cache: The cache folder.

    Raises:
        InputError: There is nothing at the URL, it cannot be read, or the disk of the cache is too small.
        CodoError: The store cannot be reached.
    """
    target = _target(url, LABELED_DATA, cache)
    remote, folder = _remote(url, LABELED_DATA), target
    files = remote.files()
    if not files:  # a file, or nothing
        remote, folder = _remote(url.rstrip("/").rpartition("/")[0], LABELED_DATA), target.parent
        files = {target.name: remote.file(target.name)}
    with _alone(cache / LABELED):
        _copy({folder / name: (remote, name, file) for name, file in files.items()}, LABELED_DATA, cache)
        if folder == target:
            for old in folder.rglob("*"):
                if old.is_file() and old.relative_to(folder).as_posix() not in files:
                    old.unlink(missing_ok=True)
    return target


def copy_images(urls: Sequence[str], cache: Path) -> dict[str, str]:
    """Copy what is new of the files that hold the images of catalogs.

    Args:
        urls: The files.
        cache: The cache folder.

    Returns:
        The path of each copy, by its URL.

    Raises:
        InputError: One is not there or cannot be read, or the disk of the cache is too small.
        CodoError: The store cannot be reached.
    """
    targets = {url: _target(url, IMAGE_FILES, cache) for url in urls}
    folders = {url: url.rpartition("/")[0] for url in urls}
    remotes = {folder: _remote(folder, IMAGE_FILES) for folder in set(folders.values())}

    def look(url: str) -> tuple[RemoteFolder, str, RemoteFile]:
        remote, name = remotes[folders[url]], url.rpartition("/")[2]
        return remote, name, remote.file(name)

    with _alone(cache / IMAGES):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = pool.map(look, urls)
        _copy(dict(zip(targets.values(), found, strict=True)), IMAGE_FILES, cache)
    return {url: str(target) for url, target in targets.items()}


def copies_at_hand(urls: Sequence[str], cache: Path) -> dict[str, str]:
    """What `copy_images` would return of the files that were copied before, without a look at the store."""
    targets = {url: _target(url, IMAGE_FILES, cache) for url in urls}
    return {url: str(target) for url, target in targets.items() if target.is_file()}


def url_of(path: str | Path) -> str:
    """The URL of a local copy, so that settings mean the same on another machine; any other path as it is."""
    root = default_cache() / LABELED
    if not Path(path).is_relative_to(root):
        return str(path)
    protocol, *place = Path(path).relative_to(root).parts
    return f"{protocol}://{'/'.join(place)}"


def _target(url: str, kind: Kind, cache: Path) -> Path:
    """Where a folder or file is copied to."""
    protocol, _, place = url.partition("://")
    if "::" in url or any(part in ("", ".", "..") for part in place.strip("/").split("/")):
        fix = f"give the URL of the folder or file itself, or {kind.instead}"
        raise InputError(f"{kind.words} at an unusual URL", where=url, fix=fix)
    return cache / kind.folder / protocol / place.strip("/")


def _remote(url: str, kind: Kind) -> RemoteFolder:
    return RemoteFolder(url, kind.words, kind.instead)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process copies into a folder, and keep them out meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    lock.acquire(PATIENCE)
    try:
        yield
    finally:
        lock.release()


def _copy(files: Mapping[Path, tuple[RemoteFolder, str, RemoteFile]], kind: Kind, cache: Path) -> None:
    """Copy the files that are not there yet, each from a name in a folder of a store."""
    files = {path: one for path, one in files.items() if not _same(path, one[2])}
    if not files:
        return
    size, free = sum(file.size for _, _, file in files.values()), shutil.disk_usage(cache).free
    if size > free:
        what = (
            f"{size / 1e9:,.1f} GB of {kind.words} do not fit into the cache, whose disk has {free / 1e9:,.1f} GB left"
        )
        raise InputError(what, where=str(cache), fix=f"set CODO_CACHE to a larger disk, or {kind.instead}")

    folders = list(dict.fromkeys(remote.url for remote, _, _ in files.values()))
    of = folders[0] if len(folders) == 1 else f"{len(folders):,} folders such as {folders[0]}"
    words = f"copying {len(files):,} files ({size / 1e6:,.1f} MB) from {of} to {cache / kind.folder}"
    print(words, file=sys.stderr, flush=True)
    stopped, counting = threading.Event(), threading.Lock()
    bar = tqdm(total=size, unit="B", unit_scale=True, disable=None)

    def count(arrived: int) -> None:
        if stopped.is_set():  # Ctrl+C must not wait for the shards on their way
            raise InterruptedError
        with counting:
            bar.update(arrived)

    def copy(path: Path) -> None:
        remote, name, file = files[path]
        remote.get(name, file.size, path, count)
        if file.time:
            os.utime(path, (file.time, file.time))

    with bar, ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for _ in pool.map(copy, files):
                pass
        except BaseException:
            stopped.set()
            raise


def _same(path: Path, file: RemoteFile) -> bool:
    """Whether a local file is the copy of one in the store."""
    try:
        status = path.stat()
    except OSError:
        return False
    return status.st_size == file.size and (not file.time or abs(status.st_mtime - file.time) < PRECISION)
