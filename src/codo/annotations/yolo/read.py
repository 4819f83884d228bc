"""Read and check YOLO's label files: one file per image, one line per object.

::

    0 0.5 0.4 0.25 0.3                       class, center x, center y, width, height
    0 0.1 0.2 0.3 0.2 0.3 0.6 …              class, x, y of at least three points: a polygon

Coordinates are relative to the image's width and height, with its EXIF orientation applied. The box of a polygon is
that of its points. An image without a label file has no objects. Class ids are their indices. Pixel coordinates are
rounded to 1/100, as in COCO: label files usually have six digits, so that coordinates that were written from pixels
are recovered exactly, and give the same mask.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codo.annotations.assemble import assemble, image_numbers, refuse_same_names, unused_classes
from codo.annotations.entries import FileEntries
from codo.annotations.images import read_sizes
from codo.annotations.records import Annotations, Category
from codo.annotations.yolo.layout import DataFile, labels_of
from codo.annotations.yolo.shapes import abbreviated, shapes_of
from codo.catalog.sources.listing import IMAGE_EXTENSIONS
from codo.core.errors import InputError


def read_yolo(data_file: DataFile, images: Sequence[Path]) -> Annotations:
    """Read and check the labels of images.

    Args:
        data_file: The data file.
        images: From `codo.annotations.yolo.layout.images_of`.

    Returns:
        The annotations, with classes in the order of their indices.

    Raises:
        InputError: Names the first invalid line or image and how many there are.
    """
    sizes = read_sizes(images)
    labels = [labels_of(image) for image in images]
    texts = [_text(file) for file in labels]
    if all(text is None for text in texts):
        raise InputError(
            f"none of {len(images)} images has a label file; the first would be {labels[0]}",
            where=str(data_file.path),
            fix="put labels/ next to images/, with files of the same names",
        )
    rows = [
        (i, number, line.split())
        for i, text in enumerate(texts)
        for number, line in enumerate((text or "").splitlines(), start=1)
        if line.strip()
    ]
    of_image = np.array([i for i, _, _ in rows], dtype=np.int64)
    lines = FileEntries("line", [labels[i] for i, _, _ in rows], [number for _, number, _ in rows])
    values = _values(lines, [row for _, _, row in rows])
    label = _labels(lines, values, data_file)
    categories = tuple(Category(i, name) for i, name in data_file.names.items())
    refuse_same_names(categories, label, str(data_file.path))
    shapes, flat = shapes_of(lines, values, sizes[of_image])
    folder = Path(os.path.abspath(data_file.path.parent))
    names = [image.relative_to(folder).as_posix() if image.is_relative_to(folder) else str(image) for image in images]
    return assemble(
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
    )


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read a label file: {error}", where=str(file), fix="write it again") from error


def _values(lines: FileEntries, rows: list[list[str]]) -> list[list[float]]:
    """The numbers of every line."""
    lines.refuse(
        (i for i, row in enumerate(rows) if len(row) != 5 and (len(row) < 7 or len(row) % 2 == 0)),
        "with a wrong number of columns",
        "write class, x, y, width, height, or class and x, y of at least three points",
        lambda i: f"{len(rows[i])} columns" + (", as in files of detections" if len(rows[i]) == 6 else ""),
    )
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
    unmatched: list[Path] = []
    for folder in sorted({image.parent for image in images}):
        known = {path.stem for path in folder.iterdir() if path.suffix.lower() in IMAGE_EXTENSIONS} | {"classes"}
        labels = labels_of(folder / "image.jpg").parent
        if labels != folder:  # else the folder may contain other text files
            unmatched += [path for path in sorted(labels.glob("*.txt")) if path.stem not in known]
    if not unmatched:
        return ""
    return f"{unmatched[0].parent}: {len(unmatched)} label files without an image; the first: {unmatched[0].name}"
