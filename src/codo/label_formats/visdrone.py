"""VisDrone (detection in images): one text file per image.

::

    VisDrone2019-DET-train/images/a.jpg
    VisDrone2019-DET-train/annotations/a.txt      x,y,width,height,score,category,truncation,occlusion

Categories 1 to 10 are the classes. Regions of category 0 are to be ignored: they become crowd regions of every class.
Boxes with score 0 are ignored in evaluation: they become crowd regions of their class. Category 11 (others) is none of
the ten classes of the benchmark and is left out.
"""

from __future__ import annotations

import re
from pathlib import Path

from codo.label_formats.problems import Problems, parsed
from codo.label_formats.sets import LabelSet, folder_sets
from codo.label_formats.table import LabeledImage, LabeledObject, Labels
from codo.label_formats.text_files import label_folders, lines_of, text_labels

CLASSES = [
    *("pedestrian", "people", "bicycle", "car", "van"),
    *("truck", "tricycle", "awning-tricycle", "bus", "motor"),
]
IGNORED_REGION, OTHERS = 0, 11
LINE = "write x,y,width,height,score,category,truncation,occlusion"
_LINE = re.compile(r"\s*-?\d+(\s*,\s*-?\d+){4},\s*(\d|10|11)\s*(,\s*-?\d+\s*){2},?\s*")


def find(folder: Path) -> list[LabelSet]:
    """The sets of a folder; empty if it has no labels of VisDrone."""
    return folder_sets(folder, lambda one: bool(_labels(one)))


def _labels(folder: Path) -> list[Path]:
    return label_folders(folder, ("annotations",), lambda line: _LINE.fullmatch(line) is not None)


def read(one: LabelSet) -> Labels:
    """Read the labels of a set; names of images are relative to its folder.

    Raises:
        InputError: Files that do not tell their images, or invalid lines: names the first and how many there are.
    """
    found = text_labels(one.path, _labels(one.path), LINE)
    problems = Problems("line")
    images: list[LabeledImage] = []
    regions = ignored = others = 0
    for path, name in found.files:
        image = LabeledImage(name, path)
        for number, line in lines_of(path):
            values = parsed(line.rstrip(",").split(","))
            if values is None or len(values) != 8:
                problems.add("that are not eight numbers", LINE, path, number, line[:60])
                continue
            box, score, category = values[:4], values[4], values[5]
            if category == IGNORED_REGION:
                regions += 1
                image.objects += [LabeledObject(name, box, number, crowd=True) for name in CLASSES]
            elif category == OTHERS:
                others += 1
            elif category in range(1, 11):
                ignored += score == 0
                image.objects.append(LabeledObject(CLASSES[int(category) - 1], box, number, crowd=score == 0))
            else:
                problems.add("whose category is not 0 to 11", LINE, path, number, f"category {category:g}")
        images.append(image)
    problems.refuse()
    told = {
        f"{regions} regions to ignore (category 0) are crowd regions of every class": regions,
        f"{ignored} boxes with score 0 are crowd regions, which are ignored": ignored,
        f"{others} boxes of category 11 (others) are left out": others,
    }
    notes = [*found.notes, *(f"{one.path}: {text}" for text, count in told.items() if count)]
    return Labels(images, notes, classes=CLASSES)
