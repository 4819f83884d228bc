"""Labeled data in an object store: copied into the cache, as each epoch reads all of them.

The copy has the paths of the store, so that a folder and what lies in it are copied once::

    s3://bucket/coco/train/1.jpg    CODO_CACHE/labeled/s3/bucket/coco/train/1.jpg

A file whose size or time differs from the store's is copied again, one that is gone there is removed. A command looks
once. Settings and runs keep the URL.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

from tqdm import tqdm

from codo.core.cache import LABELED, default_cache
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


@lru_cache(maxsize=64)
def local_copy(url: str, cache: Path) -> Path:
    """Copy what is new of a folder or file, and return the path of the copy.

    Args:
        url: The folder or file.
        cache: The cache folder.

    Raises:
        InputError: There is nothing at the URL, it cannot be read, or the disk of the cache is too small.
        CodoError: The store cannot be reached.
    """
    protocol, _, place = url.partition("://")
    if "::" in url or any(part in ("", ".", "..") for part in place.strip("/").split("/")):
        raise InputError("labeled data at an unusual URL", where=url, fix="give the URL of the folder or file itself")
    target = cache / LABELED / protocol / place.strip("/")
    remote, folder = _remote(url), target
    files = remote.files()
    if not files:  # a file, or nothing
        remote, folder = _remote(url.rstrip("/").rpartition("/")[0]), target.parent
        files = {target.name: remote.file(target.name)}
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(cache / LABELED / "lock")
    lock.acquire(PATIENCE)
    try:
        _copy(remote, {name: file for name, file in files.items() if not _same(folder / name, file)}, folder)
        if folder == target:
            for old in folder.rglob("*"):
                if old.is_file() and old.relative_to(folder).as_posix() not in files:
                    old.unlink(missing_ok=True)
    finally:
        lock.release()
    return target


def url_of(path: str | Path) -> str:
    """The URL of a local copy, so that settings mean the same on another machine; any other path as it is."""
    root = default_cache() / LABELED
    if not Path(path).is_relative_to(root):
        return str(path)
    protocol, *place = Path(path).relative_to(root).parts
    return f"{protocol}://{'/'.join(place)}"


def _remote(url: str) -> RemoteFolder:
    return RemoteFolder(url, "labeled data", "give data= a local folder")


def _copy(remote: RemoteFolder, files: Mapping[str, RemoteFile], folder: Path) -> None:
    if not files:
        return
    size, free = sum(file.size for file in files.values()), shutil.disk_usage(folder).free
    if size > free:
        what = (
            f"{size / 1e9:,.1f} GB of labeled data do not fit into the cache, whose disk has {free / 1e9:,.1f} GB left"
        )
        raise InputError(what, where=str(folder), fix="set CODO_CACHE to a larger disk, or give data= a local folder")

    def copy(name: str) -> None:
        remote.get(name, files[name].size, folder / name)
        if files[name].time:
            os.utime(folder / name, (files[name].time, files[name].time))

    words = f"copying {len(files):,} files ({size / 1e6:,.1f} MB) from {remote.url} to {folder}"
    print(words, file=sys.stderr, flush=True)
    with ThreadPoolExecutor(AT_ONCE) as pool, tqdm(total=len(files), unit="file", disable=None) as bar:
        for _ in pool.map(copy, files):
            bar.update()


def _same(path: Path, file: RemoteFile) -> bool:
    """Whether a local file is the copy of one in the store."""
    try:
        status = path.stat()
    except OSError:
        return False
    return status.st_size == file.size and (not file.time or abs(status.st_mtime - file.time) < PRECISION)
