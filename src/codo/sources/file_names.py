"""The file that a name means which a labeling tool wrote on another machine.

Such names have backslashes, URL escapes or a whole URL, folders that are not here, or letters in another case. A name
means the file with which it has the most last parts in common: ``/home/me/train/a.JPG`` means ``train/a.jpg``. Where
two files fit equally, it means none.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from codo.sources.listing import IMAGE_EXTENSIONS, extension

_UPLOAD = re.compile(r"(?<![^/])[0-9a-f]{8}-(?=[^/]+$)")
"""What Label Studio writes before the name of an uploaded file."""


class Matches(NamedTuple):
    """What names mean among some files.

    Attributes:
        files: File of every name; empty where there is none, or not one alone.
        rivals: Index of a name -> the files that fit it equally well.
    """

    files: list[str]
    rivals: dict[int, list[str]]

    @property
    def complete(self) -> bool:
        """Whether every name has its file."""
        return all(self.files)


def match_files(names: Sequence[str], files: Sequence[str]) -> Matches:
    """Find the file of every name.

    Args:
        names: As written, all different.
        files: The files there are, relative to one folder, with ``/``.
    """
    # Sorted by their parts from the end, the files with the longest common end of any name are neighbors.
    ends = sorted((_ends(file), file) for file in files)
    by_stem = defaultdict[str, list[str]](list)
    for parts, file in ends:
        by_stem[parts[0].rpartition(".")[0]].append(file)
    exact = set(files)
    found, rivals = [""] * len(names), dict[int, list[str]]()
    for i, name in enumerate(names):
        best: list[str] = []
        for reading in readings(name):
            if reading in exact:
                best = [reading]
                break
            parts = _ends(reading)
            best = _longest(parts, ends)
            if not best and extension(reading) not in IMAGE_EXTENSIONS:
                best = by_stem.get(parts[0], [])
            if best:
                break
        if len(best) == 1:
            found[i] = best[0]
        elif best:
            rivals[i] = sorted(best)
    owners = defaultdict[str, list[int]](list)
    for i, file in enumerate(found):
        owners[file].append(i)
    for file, claims in owners.items():
        if file and len(claims) > 1:  # the name that is the file's own has it; else none can be trusted
            for i in claims:
                if names[i] != file:
                    found[i] = ""
    return Matches(found, rivals)


def readings(name: str) -> list[str]:
    """What a name may mean, the most literal first: as it is, without URL parts and escapes, with slashes.

    Last comes the name without the prefix of an upload to Label Studio: ``1f2e3d4c-a.jpg`` is ``a.jpg``.
    """
    found = [name]
    if "?" in name or "://" in name:
        url = urlsplit(name)
        queried = parse_qs(url.query).get("d", [""])[0]  # of Label Studio: /data/local-files/?d=folder/a.jpg
        found.append(queried or unquote(url.path))
    found += [one.replace("\\", "/") for one in found]
    found += [unquote(one) for one in found if "%" in one]
    found += [_UPLOAD.sub("", one) for one in found if _UPLOAD.search(one)]
    return [one for one in dict.fromkeys(found) if one.strip("/.")]


def _ends(path: str) -> tuple[str, ...]:
    """The parts of a path from the last to the first, without differences of case and of Unicode composition."""
    text = unicodedata.normalize("NFC", path).casefold()
    return tuple(part for part in reversed(text.split("/")) if part not in ("", ".", "..")) or (text,)


def _longest(parts: tuple[str, ...], ends: Sequence[tuple[tuple[str, ...], str]]) -> list[str]:
    """The files that have most last parts in common with a name; empty if none has its last part."""
    place = bisect_left(ends, (parts, ""))
    most = max((_common(parts, other) for other, _ in ends[max(place - 1, 0) : place + 1]), default=0)
    if not most:
        return []
    first = bisect_left(ends, (parts[:most], ""))
    last = bisect_left(ends, ((*parts[:most], chr(0x10FFFF)), ""))
    return [file for _, file in ends[first:last]]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Number of first parts in common."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
