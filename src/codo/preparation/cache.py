"""``codo cache``: what the cache folder holds, whether it is still used, and removing it.

A catalog in the cache is found by its source, its settings, and the names, sizes and times of the source's files. One
whose folder has changed is never found again, and stays until it is removed here.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from codo.catalog.schema import FILE, UNFINISHED
from codo.catalog.table import open_file
from codo.core.cache import IMAGES, KERNELS, LABELED, LOCK, PERCEPTUAL, VARIABLE, default_cache
from codo.core.errors import CodoError, InputError
from codo.core.io import FileLock
from codo.preparation.manifest import has_manifest, read_manifest
from codo.preparation.prepare import CATALOGS, cached_path
from codo.preparation.request import Request

State = Literal["current", "stale", "busy"]
Clear = Literal["all", "stale"]
OTHERS = {
    KERNELS: "compiled kernels",
    LABELED: "labeled data of object stores",
    IMAGES: "image files of object stores",
    PERCEPTUAL: "hashes of images, for near-duplicates",
}
"""Folders in the cache beside that of the catalogs."""


class Entry(NamedTuple):
    """A folder in the cache.

    Attributes:
        path: The folder.
        source: What it was made of, or what it is.
        size: Bytes of its files.
        state: ``stale``: no command will use it again; ``busy``: a process is preparing it, or copies into it.
        note: Why it is stale, or what is left to do.
    """

    path: Path
    source: str
    size: int
    state: State
    note: str = ""

    def line(self) -> str:
        """The entry for the terminal."""
        return f"{megabytes(self.size):>12}  {self.state:<8} {self.source}{f': {self.note}' if self.note else ''}"


def entries(cache: Path | None = None) -> list[Entry]:
    """All entries of the cache, the largest first. Lists the folders that the catalogs were made of.

    Args:
        cache: The cache folder, by default that of all commands.
    """
    cache = cache or default_cache()
    folders = sorted(path for path in (cache / CATALOGS).glob("*") if path.is_dir())
    found = [_catalog(cache, folder) for folder in folders]
    others = {cache / name: words for name, words in OTHERS.items()}
    found += [_other(folder, words) for folder, words in others.items() if folder.is_dir()]
    return sorted(found, key=lambda entry: -entry.size)


def clear(which: Clear, cache: Path | None = None) -> list[Entry]:
    """Remove entries; those that a process is preparing stay.

    A catalog that a running training has open stays readable to it: the system keeps the file until it is closed.

    Args:
        which: ``stale`` or ``all``.
        cache: As for `entries`.

    Returns:
        The entries removed.

    Raises:
        InputError: An entry cannot be removed.
    """
    removed = [one for one in entries(cache) if one.state == "stale" or (which == "all" and one.state != "busy")]
    for entry in removed:
        try:
            shutil.rmtree(entry.path)
        except OSError as error:
            fix = "check the permissions of the folder"
            raise InputError(f"cannot remove: {error.strerror}", where=str(entry.path), fix=fix) from error
    return removed


def report(which: Clear | None = None, cache: Path | None = None) -> str:
    """List the cache, or clear it, and say so.

    Args:
        which: What to remove; ``None``: nothing.
        cache: As for `entries`.
    """
    cache = cache or default_cache()
    found = clear(which, cache) if which else entries(cache)
    done = "removed " if which else ""
    count = "1 entry" if len(found) == 1 else f"{len(found)} entries"
    lines = [f"{cache} ({VARIABLE} moves it): {done}{count}, {_total(found)}"]
    lines += [entry.line() for entry in found]
    if stale := [entry for entry in found if entry.state == "stale"] if not which else []:
        lines.append(f"{_total(stale)} are stale: codo cache --clear stale removes them")
    return "\n".join(lines)


def megabytes(size: int) -> str:
    """A size as people read it."""
    return f"{size / 1e6:,.1f} MB"


def _total(found: Sequence[Entry]) -> str:
    return megabytes(sum(entry.size for entry in found))


def _other(folder: Path, words: str) -> Entry:
    lock = folder / LOCK
    return Entry(folder, words, _size(folder), "busy" if lock.exists() and FileLock(lock).taken else "current")


def _catalog(cache: Path, folder: Path) -> Entry:
    size = _size(folder)
    if any(FileLock(lock).taken for lock in (folder / UNFINISHED).glob("*.lock")):
        return Entry(folder, folder.name, size, "busy")
    try:
        source, settings = _recorded(folder)
    except (OSError, ValueError, KeyError, TypeError, CodoError):
        return Entry(folder, folder.name, size, "stale", "it cannot be read")
    state, note = _state(cache, folder, source, settings)
    if state == "current" and not (folder / FILE).is_file():
        note = "its preparation was interrupted; the next command that uses it continues"
    return Entry(folder, ", ".join(source), size, state, note)


def _state(cache: Path, folder: Path, source: list[str], settings: dict[str, Any]) -> tuple[State, str]:
    """Whether the next command that is given the source finds this catalog."""
    try:
        request = Request.of(source, folder, settings)
        found = cached_path(cache, request, request.listing())
    except InputError as error:
        return "stale", error.what
    except CodoError as error:  # a URL that does not answer says nothing
        return "current", error.what
    return ("current", "") if found == folder else ("stale", "it has changed since, or was prepared by another version")


def _recorded(folder: Path) -> tuple[list[str], dict[str, Any]]:
    """Source and settings of a catalog, or of one whose preparation was interrupted."""
    if has_manifest(folder):
        manifest = read_manifest(folder)
        return manifest.source, manifest.settings.model_dump(mode="json")
    _, info = open_file(str(folder / FILE))
    return list(info["source"]), dict(info["settings"])


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in _files(folder))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if not path.is_dir())
