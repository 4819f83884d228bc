"""Text files with one image per line, the splits of YOLO and Darknet.

Lines are relative to the folder of the list or to that of the data file. Lists that were written on another machine
have paths of which nothing is here: if that holds for every line, each is the image with which it has the most last
parts in common (`match_files`), which is told.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from codo.core.errors import InputError
from codo.layouts.darknet import without_data
from codo.sources.file_names import match_files, readings
from codo.sources.folder import image_files
from codo.sources.image_lists import TextLine, parse_lines


class ListedImages(NamedTuple):
    """The images of a list.

    Attributes:
        images: Their paths.
        absent: Lines without an image.
        note: What was inferred; empty if nothing was.
    """

    images: list[Path]
    absent: list[TextLine]
    note: str = ""


def read_list(file: Path, root: Path) -> ListedImages:
    """Read a list.

    Args:
        file: The list.
        root: Folder of the data file.

    Raises:
        InputError: The list was written elsewhere, and two images fit a line.
    """
    images, absent = [], []
    for line in parse_lines(file.read_bytes(), str(file)):
        text = line.text.replace("\\", "/")
        places = dict.fromkeys([file.parent / line.text, root / text, root / without_data(text)])
        found = next((absolute(place) for place in places if place.is_file()), None)
        if found is None:
            absent.append(line)
        else:
            images.append(found)
    return _written_elsewhere(file, root, absent) if absent and not images else ListedImages(images, absent)


def absolute(path: Path) -> Path:
    """The absolute path without resolving links, behind which folders may have other names."""
    return Path(os.path.abspath(path))


def _written_elsewhere(file: Path, root: Path, lines: list[TextLine]) -> ListedImages:
    names = [line.text for line in lines]
    files = [path.relative_to(root).as_posix() for path in image_files(root).paths]
    matches = match_files(names, files)
    if matches.rivals:
        i, rivals = next(iter(matches.rivals.items()))
        raise InputError(
            f"an image that is not there as written fits two: '{names[i]}' (line {lines[i].number}) may be "
            f"{rivals[0]} or {rivals[1]}",
            where=str(file),
            fix=f"write paths relative to {root}",
        )
    # Images of one folder that are in several here would be those of other splits.
    written = [os.path.dirname(readings(name)[-1]) for name in names]
    homes = {(folder, os.path.dirname(found)) for folder, found in zip(written, matches.files, strict=True)}
    if not matches.complete or len(homes) > len(set(written)):
        return ListedImages([], lines)
    note = (
        f"{file}: none of {len(names)} images is there as written; they were matched by their last parts in {root} "
        f"(the first: '{names[0]}' is {matches.files[0]})"
    )
    return ListedImages([absolute(root / found) for found in matches.files], [], note)
