"""Listing folder trees, local or by URL. In an ImageNet layout the class folders become part of the keys.

There is one way through a local tree, for catalogs (`walk`) and for labeled images (`image_files`): links are followed,
except into a folder that contains them, and hidden folders and those of NAS systems (`is_hidden`) are left out.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Container, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from codo.catalog.reading import Location
from codo.core.errors import InputError
from codo.core.paths import filesystem, is_url
from codo.sources.links import Name, at_one_place, inside_of
from codo.sources.listing import IMAGE_EXTENSIONS, Member, extension, is_hidden
from codo.sources.spool import spool


def walk(folder: str) -> Collection[Member]:
    """Every file below ``folder``, sorted by key; other names of a file come last, with its location (`links`)."""
    if is_url(folder):
        return spool(_walk_url(folder), sort=True)
    special: dict[str, Name] = {}
    members = spool(_walk_local(folder, special), sort=True)
    return spool(at_one_place(folder, members, special)) if special else members


class FoundFiles(NamedTuple):
    """The files of some extensions below a folder.

    Attributes:
        paths: Sorted.
        hidden: Keys of hidden files of these extensions and of hidden folders, which are left out.
    """

    paths: list[Path]
    hidden: list[str]


def image_files(folder: Path) -> FoundFiles:
    """The image files below a local folder, by their extension; reads names only."""
    return files_with(folder, IMAGE_EXTENSIONS)


def files_with(folder: Path, extensions: Container[str]) -> FoundFiles:
    """The files of some extensions (in lower case) below a local folder; none if there is no such folder."""
    hidden: list[str] = []
    keys: list[str] = []
    for key, _, _ in _files(str(folder), "", (), hidden) if folder.is_dir() else ():
        if extension(key) in extensions:
            (hidden if is_hidden(key) else keys).append(key)
    return FoundFiles(sorted(folder / key for key in keys), sorted(hidden))


def visible_files(folder: Path) -> list[str]:
    """The names of the files in a local folder, not below it, sorted, without hidden ones; empty without the folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if not is_hidden(entry.name) and not _is_folder(entry))
    except (FileNotFoundError, NotADirectoryError):
        return []


def visible_folders(folder: Path) -> list[Path]:
    """The folders in a local folder, sorted, without hidden ones; empty without the folder."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if not is_hidden(entry.name) and _is_folder(entry))
    except (FileNotFoundError, NotADirectoryError):
        names = []
    return [folder / name for name in names]


def _walk_local(root: str, special: dict[str, Name]) -> Iterator[Member]:
    """The members in no order; those that may have other names are added to ``special``."""
    for key, entry, below_link in _files(root, "", (), []):
        location = os.path.join(root, key)
        try:
            status = entry.stat()
        except OSError:  # a dangling link: reading it will report that
            yield Member(key, Location(location))
            continue
        linked = below_link or entry.is_symlink()
        if linked or status.st_nlink > 1:
            special[key] = Name(linked, (status.st_dev, status.st_ino) if status.st_nlink > 1 else None)
        yield Member(key, Location(location, 0, status.st_size), status.st_mtime_ns)


def _files(
    root: str, below: str, above: tuple[tuple[int, int], ...], hidden: list[str], linked: bool = False
) -> Iterator[tuple[str, os.DirEntry[str], bool]]:
    """Key and entry of every file, and whether it is below a link, depth first.

    The keys of folders left out are appended to ``hidden``. Below a link, links back into the tree are not followed:
    ``n`` folders that link to each other would be listed in the order of every permutation.
    """
    folder = os.path.join(root, below)
    try:
        here, found = os.stat(folder), os.scandir(folder)
    except PermissionError as error:
        fix = "allow reading it (chmod -R u+rX), or move it out of the folder"
        raise InputError("the folder cannot be listed: permission denied", where=folder, fix=fix) from error
    identity = (here.st_dev, here.st_ino)
    with found as entries:
        if identity in above:
            return
        for entry in entries:
            key = f"{below}/{entry.name}" if below else entry.name
            if not _is_folder(entry):
                yield key, entry, linked
            elif is_hidden(entry.name):
                hidden.append(key)
            elif not (entry.is_symlink() and linked and inside_of(os.path.realpath(root), os.path.realpath(entry))):
                yield from _files(root, key, (*above, identity), hidden, linked or entry.is_symlink())


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder or a link to one; a link to itself, or into a closed folder, is a broken file."""
    try:
        return entry.is_dir()
    except OSError:
        return False


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
