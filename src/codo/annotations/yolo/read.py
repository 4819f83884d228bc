"""Read and check YOLO's label files: one file per image, one line per object.

::

    0 0.5 0.4 0.25 0.3                       class, center x, center y, width, height
    0 0.1 0.2 0.3 0.2 0.3 0.6 …              class, x, y of at least three points: a polygon
    0 0.5 0.4 0.25 0.3 0.45 0.35 2 …         a box and key points, if the data file has kpt_shape

Coordinates are relative to the image's width and height, with its EXIF orientation applied. The box of a polygon is
that of its points; key points are not used. Columns may be separated by commas. An image without a label file has no
objects. Class ids are their indices. Pixel coordinates are rounded to 1/100, as in COCO: label files usually have six
digits, so that coordinates that were written from pixels are recovered exactly, and give the same mask.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from codo.annotations.assemble import assemble, refuse_same_names, unused_classes
from codo.annotations.images import read_sizes
from codo.annotations.records import Annotations, Category
from codo.annotations.yolo.shapes import abbreviated, shapes_of
from codo.core.errors import InputError
from codo.geometry.keypoints import may_be_keypoints
from codo.layouts.entries import FileEntries
from codo.layouts.image_ids import image_numbers
from codo.layouts.yolo import DataFile, labels_of, labels_without_image
from codo.layouts.yolo_lines import read_label_file, split_columns

Points = Literal["auto", "outline", "keypoints"]
"""What the numbers of lines with more than five columns are."""


def read_yolo(data_file: DataFile, images: Sequence[Path], points: Points = "auto") -> Annotations:
    """Read and check the labels of images.

    Args:
        data_file: The data file.
        images: From `codo.layouts.yolo.images_of`.
        points: What the numbers of lines with more than five columns are; ``auto``: key points if the data file has
            ``kpt_shape``, else outlines, and an error where they may be key points.

    Returns:
        The annotations, with classes in the order of their indices.

    Raises:
        InputError: Names the first invalid line or image and how many there are.
    """
    sizes = read_sizes(images)
    labels = [labels_of(image) for image in images]
    texts = [read_label_file(file) for file in labels]
    if all(text is None for text in texts):
        raise InputError(
            f"none of {len(images)} images has a label file; the first would be {labels[0]}",
            where=str(data_file.path),
            fix="put labels/ next to images/, with files of the same names",
        )
    rows = [
        (i, number, line.split() if "," not in line else split_columns(line))
        for i, text in enumerate(texts)
        for number, line in enumerate((text or "").splitlines(), start=1)
        if line.strip()
    ]
    of_image = np.array([i for i, _, _ in rows], dtype=np.int64)
    lines = FileEntries("line", [labels[i] for i, _, _ in rows], [number for _, number, _ in rows])
    columns = [row for _, _, row in rows]
    shape = data_file.keypoints if points == "auto" else None
    _check_counts(lines, [len(row) for row in columns], data_file, "keypoints" if shape else points)
    values = _values(lines, columns)
    notes = [_with_commas(texts, data_file)]
    if shape or points == "keypoints":
        notes.append(_unused_keypoints(values, data_file))
        values = [row[:5] for row in values]
    elif points == "auto" and may_be_keypoints(values, sizes[of_image]):
        _ask(lines, values, data_file)
    label = _labels(lines, values, data_file)
    categories = tuple(Category(i, name) for i, name in data_file.names.items())
    refuse_same_names(categories, label, str(data_file.path))
    shapes, flat = shapes_of(lines, values, sizes[of_image])
    folder = Path(os.path.abspath(data_file.path.parent))
    names = [image.relative_to(folder).as_posix() if image.is_relative_to(folder) else str(image) for image in images]
    annotations = assemble(
        data_file.path,
        image_ids=image_numbers(names),
        file_names=names,
        sizes=sizes,
        categories=categories,
        of_image=of_image,
        bbox=shapes.bbox,
        labels=label,
        crowd=np.zeros(len(rows), dtype=bool),
        areas=shapes.areas,
        object_ids=np.arange(1, len(rows) + 1),
        outlines=shapes.outlines,
        folder=folder,
        warnings=[flat, unused_classes(categories, label, str(data_file.path)), _without_image(images)],
        notes=notes,
    )
    return replace(annotations, inferred={"yolo_points": "keypoints"}) if shape else annotations


def _check_counts(lines: FileEntries, counts: list[int], data_file: DataFile, points: Points) -> None:
    """Refuse lines with a wrong number of columns."""
    name, shape = data_file.path.name, data_file.keypoints
    if points == "keypoints" and shape:
        expected = 5 + shape[0] * shape[1]
        lines.refuse(
            (i for i, count in enumerate(counts) if count not in (5, expected)),
            f"whose columns do not fit kpt_shape: {list(shape)}",
            f"write a box and {shape[0]} points of {shape[1]} numbers, or correct kpt_shape in {name}",
            lambda i: f"{counts[i]} columns instead of {expected}",
        )
    elif points == "keypoints":
        lines.refuse(
            (i for i, count in enumerate(counts) if count < 5 or count == 6),
            "without a box and key points",
            "write class, x, y, width, height, and then the key points",
            lambda i: f"{counts[i]} columns",
        )
    else:
        wrong = [i for i, count in enumerate(counts) if count != 5 and (count < 7 or count % 2 == 0)]
        likely = (counts[wrong[0]] - 5) // 3 if wrong and counts[wrong[0]] > 6 and counts[wrong[0]] % 3 == 2 else 0
        lines.refuse(
            wrong,
            "with a wrong number of columns",
            f"if these are key points, add kpt_shape: [{likely}, 3] to {name}"
            if likely
            else "write class, x, y, width, height, or class and x, y of at least three points",
            lambda i: f"{counts[i]} columns" + (", as in files of detections" if counts[i] == 6 else ""),
        )


def _ask(lines: FileEntries, values: list[list[float]], data_file: DataFile) -> None:
    """Raise the question what the lines are."""
    long = [i for i, row in enumerate(values) if len(row) > 5]
    numbers = len(values[long[0]]) - 5
    triples = numbers % 3 == 0 and all(values[i][k] in (0, 1, 2) for i in long for k in range(7, numbers + 5, 3))
    shape = [numbers // 3, 3] if triples else [numbers // 2, 2]
    lines.refuse(
        long,
        "that may be a box with key points, or an outline",
        f"for key points add kpt_shape: {shape} to {data_file.path.name}; for outlines set data.yolo_points=outline",
        lambda i: f"{len(values[i])} columns: {abbreviated([f'{value:g}' for value in values[i]])}",
    )


def _unused_keypoints(values: list[list[float]], data_file: DataFile) -> str:
    count = sum(len(row) > 5 for row in values)
    return f"{data_file.path}: boxes of {len(values)} lines; key points, in {count} of them, are not used"


def _with_commas(texts: Sequence[str | None], data_file: DataFile) -> str:
    count = sum("," in text for text in texts if text)
    return f"{data_file.path}: commas separate the columns of {count} label files" if count else ""


def _values(lines: FileEntries, rows: list[list[str]]) -> list[list[float]]:
    """The numbers of every line."""
    values = [_floats(row) for row in rows]
    lines.refuse(
        (i for i, row in enumerate(values) if not row),
        "with something other than finite numbers",
        "write numbers, with a point and separated by spaces",
        lambda i: abbreviated(rows[i]),
    )
    return values


def _floats(row: list[str]) -> list[float]:
    """The numbers of a line; empty if one of them is invalid or not finite."""
    try:
        values = [float(text) for text in row]
    except ValueError:
        return []
    return values if abs(sum(values)) < 1e12 else []  # the sum is nan or infinite if a value is


def _labels(lines: FileEntries, values: list[list[float]], data_file: DataFile) -> npt.NDArray[np.int64]:
    """Labels from 1."""
    place = {float(index): label for label, index in enumerate(data_file.names, start=1)}
    known = list(data_file.names)
    lines.refuse(
        (i for i, row in enumerate(values) if row[0] not in place),
        "whose class is not among the names",
        f"the classes of {data_file.path.name} are {known[0]} to {known[-1]}; correct the line, or add a name",
        lambda i: f"class {values[i][0]:g}",
    )
    return np.array([place[row[0]] for row in values], dtype=np.int64)


def _without_image(images: Sequence[Path]) -> str:
    """A warning about label files without an image, in the label folders of ``images``."""
    unmatched = labels_without_image(images)
    if not unmatched:
        return ""
    return f"{unmatched[0].parent}: {len(unmatched)} label files without an image; the first: {unmatched[0].name}"
