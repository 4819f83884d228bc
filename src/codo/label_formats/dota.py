"""DOTA (aerial images): one text file per image.

::

    train/images/P0001.png
    train/labelTxt/P0001.txt        imagesource:GoogleEarth
                                    gsd:0.146
                                    x1 y1 x2 y2 x3 y3 x4 y4 category difficult

A line is an oriented box, given by its four corners in pixels; they are the outline, and the box is their extent.
``difficult`` other than 0 marks an object as difficult, as in VOC, and may be left out.
"""

from __future__ import annotations

import re
from pathlib import Path

from codo.geometry.curves import points_box
from codo.label_formats.problems import Problems, parsed
from codo.label_formats.sets import LabelSet, folder_sets
from codo.label_formats.table import LabeledImage, LabeledObject, Labels
from codo.label_formats.text_files import label_folders, lines_of, text_labels

FOLDERS = ("labeltxt", "annfiles", "labels", "annotations")
HEADERS = ("imagesource", "gsd", "acquisition dates")
LINE = "write x1 y1 x2 y2 x3 y3 x4 y4 category difficult, in pixels"
_NUMBER = r"-?\d+(\.\d+)?(e[+-]?\d+)?"
_LINE = re.compile(rf"({_NUMBER}[\s,]+){{8}}[^\d\s.-]\S*([\s,]+[0-2])?", re.IGNORECASE)


def find(folder: Path) -> list[LabelSet]:
    """The sets of a folder; empty if it has no labels of DOTA."""
    return folder_sets(folder, lambda one: bool(_labels(one)))


def _labels(folder: Path) -> list[Path]:
    return label_folders(folder, FOLDERS, _is_line)


def _is_line(line: str) -> bool:
    return _is_header(line) or _LINE.fullmatch(line.strip()) is not None


def _is_header(line: str) -> bool:
    return line.strip().lower().startswith(tuple(f"{name}:" for name in HEADERS))


def read(one: LabelSet) -> Labels:
    """Read the labels of a set; names of images are relative to its folder.

    Raises:
        InputError: Files that do not tell their images, or invalid lines: names the first and how many there are.
    """
    found = text_labels(one.path, _labels(one.path), LINE)
    problems = Problems("line")
    images: list[LabeledImage] = []
    count = difficult = 0
    for path, name in found.files:
        image = LabeledImage(name, path)
        for number, line in lines_of(path):
            if _is_header(line):
                continue
            columns = line.replace(",", " ").split()
            points = parsed(columns[:8]) if len(columns) in (9, 10) else None
            if points is None:
                problems.add("that are not eight numbers and a category", LINE, path, number, line[:60])
            elif columns[9:] not in ([], ["0"], ["1"], ["2"]):
                problems.add("where difficult is not 0 or 1", "write 0 or 1", path, number, f"difficult {columns[9]}")
            else:
                hard = columns[9:] not in ([], ["0"])
                difficult += hard
                image.objects.append(
                    LabeledObject(columns[8], points_box(points), number, outline=[points], difficult=hard, clip=True)
                )
                count += 1
        images.append(image)
    problems.refuse()
    notes = list(found.notes)
    if count:
        notes.append(f"{one.path}: {count} oriented boxes; their boxes are the extents, {difficult} are difficult")
    return Labels(images, notes)
