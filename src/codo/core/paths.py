"""Paths and URLs: a canonical form, and a suggestion when a path does not exist.

A path is either local (made absolute) or an fsspec URL such as ``s3://bucket/photos`` or ``memory://photos``.
"""

from __future__ import annotations

import difflib
import glob
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import fsspec

from codo.core.errors import InputError

URL = r"^[A-Za-z][A-Za-z0-9+.-]*(://|::)"
"""How a path begins that needs fsspec."""
_URL = re.compile(URL)
_PATTERN = re.compile(r"[*?\[{]")
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")


def is_url(path: str) -> bool:
    """Whether ``path`` needs fsspec (it names a protocol)."""
    return bool(_URL.match(path))


def absolute(path: str | Path) -> str:
    """Canonical form of a path: local paths become absolute, ``file://`` is removed, URLs stay as they are."""
    text = str(path)
    if text.startswith("file://"):
        text = text.removeprefix("file://")
    if is_url(text):
        return text.rstrip("/") if not text.endswith("://") else text
    return os.path.abspath(os.path.expanduser(text))


@lru_cache(maxsize=256)  # an image is looked up in the same few shards again and again
def join(folder: str, name: str) -> str:
    """``folder/name``; a ``name`` that is absolute or a URL is returned without the folder."""
    if is_url(name) or os.path.isabs(name):
        return absolute(name)
    if is_url(folder):
        return f"{folder.rstrip('/')}/{name}"
    return os.path.normpath(os.path.join(folder, name))


def parent(path: str) -> str:
    """The folder that contains ``path``."""
    return path.rstrip("/").rpartition("/")[0] or "/"


_USED: set[Any] = set()
"""File systems that were used, kept for good. A forked process has copies of them, which fsspec forgets. If the thread
of its new event loop collects one as garbage, s3fs closes its connections; that takes their sockets out of the epoll
object that the process shares with its parent, and the parent's next read waits for 15 seconds (s3fs 2026.9.0,
`findings/s3fs_forks_stall_their_parent.sh`)."""


def filesystem(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path inside it.

    Raises:
        InputError: The protocol is unknown, or its package is not installed.
    """
    try:
        fs, path = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        protocol = re.split("://|::", url, maxsplit=1)[0]
        extra = {"s3": "s3", "gs": "gcs", "gcs": "gcs", "hf": "hub"}.get(protocol)
        fix = f"pip install 'codo-detect[{extra}]'" if extra else "use a protocol that fsspec supports"
        raise InputError(f"cannot open '{protocol}://' URLs: {error}", where=url, fix=fix) from error
    if fs.cachable:  # others, such as open archives, are left alone
        _USED.add(fs)  # once, also where fsspec is told to make a new one for each call: those are equal
    return fs, path


def kind(path: str) -> Literal["folder", "file"] | None:
    """Whether ``path`` is a folder or a file; ``None`` if it does not exist."""
    if not is_url(path):
        return "folder" if os.path.isdir(path) else "file" if os.path.exists(path) else None
    fs, inner = filesystem(path)
    if fs.isdir(inner):
        return "folder"
    return "file" if fs.exists(inner) else None


def read_whole(path: str) -> bytes:
    """The bytes of a small file (an annotation or a list of paths)."""
    if not is_url(path):
        return Path(path).read_bytes()
    fs, inner = filesystem(path)
    return bytes(fs.cat_file(inner))


def missing(path: str) -> InputError:
    """The error for a source that does not exist, with the most similar name that does."""
    if is_url(path):
        return InputError("there is nothing at this URL", where=path, fix="check the URL and your access to it")
    above, wrong = Path(path).parent, Path(path).name
    while not above.is_dir():
        above, wrong = above.parent, above.name
    try:
        names = os.listdir(above)
    except OSError:
        names = []
    near = difflib.get_close_matches(wrong, names, n=1, cutoff=0.6)
    fix = f"did you mean '{above / near[0]}'?" if near else f"'{above}' has no '{wrong}': check the path"
    return InputError("no such file or folder", where=path, fix=fix)


def expand(path: str) -> list[str]:
    """The paths that match a pattern, sorted: ``*``, ``?``, ``[…]``, and WebDataset's ``{000..127}``.

    A path that exists is not treated as a pattern, whatever characters it contains.

    Raises:
        InputError: Nothing matches.
    """
    if not _PATTERN.search(path) or kind(path) is not None:
        return [path]
    paths: list[str] = []
    for text in _expand_ranges(path):
        if not re.search(r"[*?\[]", text):
            paths.append(text)
        elif is_url(text):
            fs, inner = filesystem(text)
            paths += sorted(fs.unstrip_protocol(found) for found in fs.glob(inner))
        else:
            paths += sorted(glob.glob(text))
    if not paths:
        raise InputError("no file matches this pattern", where=path, fix="check it with ls")
    return paths


def _expand_ranges(path: str) -> list[str]:
    found = _RANGE.search(path)
    if not found:
        return [path]
    first, last = found.groups()
    numbers = [f"{n:0{len(first)}d}" for n in range(int(first), int(last) + 1)]
    return [text for n in numbers for text in _expand_ranges(path[: found.start()] + n + path[found.end() :])]
