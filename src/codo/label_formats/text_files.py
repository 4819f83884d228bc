"""Formats with one text file per image: which folders have them, and the images they belong to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from codo.catalog.sources.folder import files_with, image_files, visible_files, visible_folders
from codo.label_formats.problems import read_lines

EXAMINED = 5
"""Text files of a folder that are looked at to recognize it; those of images without objects are empty."""


class TextLabels(NamedTuple):
    """The label files of a set.

    Attributes:
        files: Each label file, and the name of its image relative to the folder of the set; that may not exist.
        notes: What was inferred, one line each.
    """

    files: list[tuple[Path, str]]
    notes: list[str]


def label_folder(folder: Path, names: Sequence[str], is_line: Callable[[str], bool]) -> Path | None:
    """The folder of the text files of a set: one in it whose name begins with one of ``names``, or the folder itself.

    Args:
        folder: Folder of the set.
        names: In lower case.
        is_line: Whether a line is one of the format.
    """
    inside = [one for one in visible_folders(folder) if one.name.lower().startswith(tuple(names))]
    return next((one for one in [*inside, folder] if _has_lines(one, is_line)), None)


def _has_lines(folder: Path, is_line: Callable[[str], bool]) -> bool:
    examined = 0
    for name in visible_files(folder):
        if not name.lower().endswith(".txt"):
            continue
        found = [line for line in _head(folder / name) if line.strip()]
        if found:  # a few wrong lines are for the reader to refuse
            return 2 * sum(map(is_line, found)) > len(found)
        examined += 1
        if examined == EXAMINED:
            break
    return False


def _head(path: Path) -> list[str]:
    """The first lines of a text file."""
    try:
        with path.open("rb") as file:
            text = file.read(4096).decode("utf-8-sig", "replace").replace("\0", "")
    except OSError:
        return []
    lines = text.splitlines()
    return lines[:-1] if len(lines) > 1 and len(text) >= 4000 else lines


def text_labels(folder: Path, labels: Path) -> TextLabels:
    """The label files of a set with their images, which have the same names in another folder of the set.

    Args:
        folder: Folder of the set.
        labels: Folder of its text files.
    """
    below = image_files(folder).paths
    images = {_key(path, labels if path.is_relative_to(labels) else _top(path, folder)): path for path in below}
    home = next(iter(below)).parent if below else folder / "images"
    files, matched = [], set()
    for path in files_with(labels, {".txt"}).paths:
        key = _key(path, labels)
        image = images.get(key)
        matched.add(key)
        files.append((path, _relative(image or home / f"{path.stem}.jpg", folder)))
    others = sorted(images.keys() - matched)
    told = f"{len(others)} images without a label file are left out, the first: {others[0]}" if others else ""
    return TextLabels(files, [f"{folder}: {told}"] if told else [])


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a label file that are not empty, with their numbers from 1."""
    return ((number, line.strip()) for number, line in enumerate(read_lines(path), start=1) if line.strip())


def _top(path: Path, folder: Path) -> Path:
    """The folder in ``folder`` that has a file, or ``folder`` itself."""
    parts = path.relative_to(folder).parts
    return folder / parts[0] if len(parts) > 1 else folder


def _key(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def _relative(path: Path, root: Path) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/")
