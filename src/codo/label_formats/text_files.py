"""Formats with one text file per image: which folders have them, and the images they belong to."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from codo.core.errors import InputError
from codo.label_formats.problems import read_lines
from codo.sources.folder import files_with, image_files, visible_files, visible_folders

IMAGES = ("images", "jpegimages")
"""Usual names of the folder of the images, in lower case."""
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


def label_folders(folder: Path, names: Sequence[str], is_line: Callable[[str], bool]) -> list[Path]:
    """The folders of text files of a set: those in it whose name begins with one of ``names``, else the folder itself.

    Args:
        folder: Folder of the set.
        names: In lower case.
        is_line: Whether a line is one of the format.
    """
    inside = [one for one in visible_folders(folder) if one.name.lower().startswith(tuple(names))]
    return [one for one in inside if _has_lines(one, is_line)] or [folder] * _has_lines(folder, is_line)


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


def text_labels(folder: Path, label_folders: Sequence[Path], fix: str) -> TextLabels:
    """The label files of a set with their images, which have the same names in another folder of the set.

    Args:
        folder: Folder of the set.
        label_folders: Its folders of text files.
        fix: What to do if there is none.

    Raises:
        InputError: There are no label files, several folders of them, or two images of which one may be meant.
    """
    if len(label_folders) != 1:
        what = f"{len(label_folders)} folders of labels: {', '.join(one.name for one in label_folders)}"
        several = "move all but one out of the folder"
        raise InputError(
            what if label_folders else "no labels in the folder",
            where=str(folder),
            fix=several if label_folders else fix,
        )
    labels = label_folders[0]
    below = _images(folder)
    images = defaultdict[str, list[Path]](list)
    for path in below:
        images[_key(path, labels if path.is_relative_to(labels) else _top(path, folder))].append(path)
    home = next(iter(below)).parent if below else folder / "images"
    files, matched = [], set()
    for path in files_with(labels, {".txt"}).paths:
        key = _key(path, labels)
        found = images.get(key, [home / f"{path.stem}.jpg"])
        if len(found) > 1:
            what = (
                f"{len(found)} images may be that of the labels: {', '.join(_relative(one, folder) for one in found)}"
            )
            raise InputError(what, where=str(path), fix=f"move the images that are labeled into {folder / IMAGES[0]}")
        matched.add(key)
        files.append((path, _relative(found[0], folder)))
    others = sorted(images.keys() - matched)
    told = f"{len(others)} images without a label file are left out, the first: {others[0]}" if others else ""
    return TextLabels(files, [f"{folder}: {told}"] if told else [])


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a label file that are not empty, with their numbers from 1."""
    return ((number, line.strip()) for number, line in enumerate(read_lines(path), start=1) if line.strip())


def _images(folder: Path) -> list[Path]:
    """The images of a set: those of the folder named so, else all. Other folders may have drawings of the same name."""
    usual = [one for name in IMAGES for one in visible_folders(folder) if one.name.lower() == name]
    return next((found for one in usual if (found := image_files(one).paths)), None) or image_files(folder).paths


def _top(path: Path, folder: Path) -> Path:
    """The folder in ``folder`` that has a file, or ``folder`` itself."""
    parts = path.relative_to(folder).parts
    return folder / parts[0] if len(parts) > 1 else folder


def _key(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def _relative(path: Path, root: Path) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/")
