"""Invalid entries of label files: collected while reading, then refused with the first and how many there are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from codo.core.errors import InputError
from codo.core.text import decode_text
from codo.layouts.entries import FileEntries
from codo.sources.image_lists import parse_json


class Problem(NamedTuple):
    """An invalid entry: its file, its number in it, and its text for the message."""

    file: Path
    number: int
    detail: str


class Problems:
    """Invalid entries of one kind, such as shapes or lines.

    Args:
        singular: Name of one entry in messages.
    """

    def __init__(self, singular: str) -> None:
        self.singular = singular
        self._found: dict[tuple[str, str], list[Problem]] = {}

    def add(self, what: str, fix: str, file: Path, number: int, detail: str = "") -> None:
        """Note an invalid entry.

        Args:
            what: What is wrong, after ``3 shapes``.
            fix: How to fix it.
            file: The file.
            number: Number of the entry in the file, from 1.
            detail: The entry's own text.
        """
        self._found.setdefault((what, fix), []).append(Problem(file, number, detail))

    def refuse(self) -> None:
        """Raise if there is an invalid entry.

        Raises:
            InputError: With the first one, and how many are wrong in the same way.
        """
        for (what, fix), found in self._found.items():
            entries = FileEntries(self.singular, [one.file for one in found], [one.number for one in found])
            details = [one.detail for one in found]
            entries.refuse(range(len(found)), what, fix, details.__getitem__ if details[0] else None)


def read_json(path: Path) -> Any:
    """What a JSON file holds; it may have a byte-order mark.

    Raises:
        InputError: It cannot be read, or is not JSON.
    """
    return parse_json(_read(path).encode("utf-8", "surrogatepass"), str(path))


def read_rows(path: Path, kind: str, fix: str) -> list[dict[str, Any]]:
    """What a JSON file holds that is a list of objects.

    Args:
        path: The file.
        kind: What its rows are, for the message.
        fix: What to do if it is no such list.

    Raises:
        InputError: It cannot be read, is not JSON, or no such list.
    """
    rows = read_json(path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"not a list of {kind}", where=str(path), fix=fix)
    return rows


def read_lines(path: Path) -> list[str]:
    """The lines of a text file.

    Raises:
        InputError: It cannot be read.
    """
    return _read(path).splitlines()


def _read(path: Path) -> str:
    try:
        return decode_text(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read a label file: {getattr(error, 'strerror', None) or error}",
            where=str(path),
            fix="check its permissions, and save it as UTF-8 text",
        ) from error


def finite(values: Iterable[Any]) -> list[float] | None:
    """Values as numbers; ``None`` if one is no finite number (``true`` and texts are none)."""
    found = list(values)
    if not all(type(v) in (int, float) and math.isfinite(v) for v in found):
        return None
    return [float(v) for v in found]


def parsed(texts: Iterable[str], kind: Callable[[str], float] = float) -> list[float] | None:
    """Texts as numbers; ``None`` if one is no finite number."""
    try:
        return finite([kind(text) for text in texts])
    except ValueError:
        return None


def class_name(value: Any) -> str:
    """A class as text, stripped; empty if it is neither a text nor a number."""
    return str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
