"""Listing folder trees, local or by URL. In an ImageNet layout the class folders become part of the keys."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from codo.catalog.reading import Location
from codo.catalog.sources.listing import Member
from codo.core.paths import filesystem, is_url


def walk(folder: str) -> list[Member]:
    """Every file below ``folder``, sorted by key."""
    return sorted(_walk_url(folder) if is_url(folder) else _walk_local(folder, "", ()))


def _walk_local(root: str, below: str, above: tuple[tuple[int, int], ...]) -> Iterator[Member]:
    """Depth first; links are followed, except into a folder that contains them."""
    folder = os.path.join(root, below)
    here = os.stat(folder)
    identity = (here.st_dev, here.st_ino)
    if identity in above:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            key = f"{below}/{entry.name}" if below else entry.name
            if entry.is_dir():
                if not entry.name.startswith("."):
                    yield from _walk_local(root, key, (*above, identity))
                continue
            try:
                status = entry.stat()
            except OSError:  # a dangling link: reading it will report that
                yield Member(key, Location(os.path.join(root, key)))
                continue
            yield Member(key, Location(os.path.join(root, key), 0, status.st_size), status.st_mtime_ns)


def _walk_url(url: str) -> Iterator[Member]:
    fs, root = filesystem(url)
    root = root.rstrip("/")
    for path, info in fs.find(root, detail=True).items():
        key = path.removeprefix(root).lstrip("/")
        size = info.get("size")
        yield Member(key, Location(f"{url}/{key}", 0, -1 if size is None else int(size)), stamp(info))


def stamp(info: dict[str, Any]) -> int:
    """A number that changes when a remote file does, from its file system's metadata; 0 when there is none."""
    for name in ("mtime", "LastModified", "last_modified", "updated", "created"):
        value = info.get(name)
        if isinstance(value, datetime):
            return int(value.timestamp() * 1e9)
        if isinstance(value, int | float):
            return int(value * 1e9)
        if isinstance(value, str) and value:
            return int.from_bytes(value.encode()[-7:], "big")
    return 0
