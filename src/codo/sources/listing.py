"""The image files of a source: one member per file, in a fixed order, with unique keys."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from codo.catalog import heif
from codo.catalog.reading import Location
from codo.sources.spool import spool

_ENDINGS = "jpg jpeg jpe jfif png apng webp avif bmp dib gif tif tiff ppm pgm pbm pnm jp2 j2k"
IMAGE_EXTENSIONS = frozenset(f".{ending}" for ending in _ENDINGS.split(" ")) | heif.ENDINGS
"""Files that `decode` can read. Others are ignored; of files without an extension, the first bytes decide."""


FOREIGN = frozenset(
    {
        *("__macosx", "network trash folder"),  # macOS
        *("thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information"),  # Windows
        *("@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot"),  # NAS systems
        "lost+found",  # Linux
    }
)
"""Files and folders, in lower case, that operating systems and NAS systems add: thumbnails, trash, metadata."""


class Member(NamedTuple):
    """A file of a source.

    Attributes:
        key: Its name in the source: the path below the folder or inside the archive, with ``/``.
        location: Where its bytes are.
        stamp: Modification time (of the archive or table, for its members) in ns; 0 when unknown.
        problem: Why it cannot be read at all, known before reading it; empty otherwise.
    """

    key: str
    location: Location
    stamp: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Listing:
    """The image files of all sources.

    Attributes:
        members: In the order of the sources; keys are unique.
        ignored: Number of files that are no images, by extension (``"hidden"`` for dot files).
        repeated: Number of members left out because the same file was named before.
        selected: What selected among the images (image sets, an annotation file); empty when nothing did.
    """

    members: Collection[Member]
    ignored: dict[str, int]
    repeated: int
    selected: str

    def fingerprint(self) -> str:
        """A short digest of names, places, sizes and times; it changes when the source does. Reads no image."""
        digest = hashlib.blake2b(digest_size=8)
        for member in self.members:
            digest.update(repr(tuple(member)).encode("utf-8", "backslashreplace"))
        return digest.hexdigest()


def extension(key: str) -> str:
    """``.jpg`` of ``a/B.JPG``; empty when there is none."""
    name = key.rpartition("/")[2]
    stem, dot, ending = name.rpartition(".")
    return f".{ending.lower()}" if dot and stem else ""


def is_hidden(key: str) -> bool:
    """Whether a file is hidden: a dot file or in a dot folder, or `FOREIGN`. Give the path below the data's folder."""
    return any((part.startswith(".") and part not in (".", "..")) or part.lower() in FOREIGN for part in key.split("/"))


def clean_key(name: str) -> str:
    """A name inside an archive or list as a key: no leading ``./``, ``/`` or protocol."""
    name = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://", "", name.replace("\\", "/"))
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def images_only(members: Iterable[Member], ignored: Counter[str]) -> Iterator[Member]:
    """The members with an image extension or none; the others, and HEIC where it cannot be read, are counted."""
    readable = IMAGE_EXTENSIONS if heif.is_readable() else IMAGE_EXTENSIONS - heif.ENDINGS
    for member in members:
        ending = extension(member.key)
        if is_hidden(member.key):
            ignored["hidden"] += 1
        elif ending and ending not in readable:
            ignored[ending] += 1
        else:
            yield member


def build_listing(members: Iterable[Member], ignored: Counter[str], selected: str) -> Listing:
    """The listing of members: each file once, unique keys, names in Unicode.

    A key that is already taken gets the name of its archive or folder as a prefix (``train-07/00001.jpg``), and a
    number as a suffix if that is taken too.
    """
    keys, places = array("q"), array("q")  # hashes: eight bytes each, where millions of strings would take a gigabyte

    def hashed() -> Iterator[Member]:
        for member in map(_in_unicode, members):
            keys.append(hash(member.key))
            places.append(hash(_place(member)))
            yield member

    kept = spool(hashed())
    repeated = 0
    if _repeats(keys) or _repeats(places):
        unique = spool(_unique(kept))
        kept, repeated = unique, len(kept) - len(unique)
    return Listing(kept, dict(sorted(ignored.items())), repeated, selected)


def _repeats(hashes: array[int]) -> bool:
    """Whether a number occurs twice; sorts in place, as a copy of millions would be large."""
    numbers = np.frombuffer(hashes, np.int64) if hashes else np.empty(0, np.int64)
    numbers.sort()
    return bool((numbers[1:] == numbers[:-1]).any())


def _place(member: Member) -> str | tuple[str, int, int]:
    location = member.location  # with the size: in Arrow files an empty value begins where the next one does
    return (location.uri, location.offset, location.size) if location.offset else location.uri


def _unique(members: Iterable[Member]) -> Iterator[Member]:
    keys: set[str] = set()
    seen: set[str | tuple[str, int, int]] = set()
    for member in members:
        place = _place(member)
        if place in seen and not member.problem:
            continue
        seen.add(place)
        key = member.key
        if key in keys:
            key = candidate = f"{_origin(member)}/{key}"
            number = 2
            while candidate in keys:
                candidate, number = f"{key}~{number}", number + 1
            member = member._replace(key=candidate)
        keys.add(member.key)
        yield member


def _in_unicode(member: Member) -> Member:
    """Undecodable bytes of a file name become visible escapes in the key; such a *path* cannot be stored at all."""
    if _is_unicode(member.key) and _is_unicode(member.location.uri):
        return member
    key = member.key.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if _is_unicode(member.location.uri):
        return member._replace(key=key)
    return Member(key, Location(""), problem="unreadable: the file name is not UTF-8")


def _is_unicode(text: str) -> bool:
    return text.isprintable() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _origin(member: Member) -> str:
    """The name of the archive or folder that a member is from."""
    uri = member.location.file.rstrip("/")
    if member.location.offset == 0:
        return uri.removesuffix(member.key).rstrip("/").rpartition("/")[2] or "root"
    name = uri.rpartition("/")[2]
    return name.rpartition(".")[0] or name
