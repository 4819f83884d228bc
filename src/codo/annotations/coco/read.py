"""Read and check a COCO annotation file (instances).

::

    {"images":      [{"id", "file_name", "width", "height"}, …],
     "categories":  [{"id", "name"}, …],
     "annotations": [{"id", "image_id", "category_id", "bbox": [x, y, w, h], "area", "iscrowd", "segmentation"}, …]}

``area``, ``iscrowd`` and ``segmentation`` may be left out; ids may have gaps. Boxes far outside of the image, and
segmentations of another size, are errors: images and annotations do not belong together.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from codo.annotations.assemble import assemble, refuse_same_names, unused_classes
from codo.annotations.coco.json_columns import JsonColumns, read_bytes
from codo.annotations.records import Annotations, Category
from codo.annotations.segmentations import clean, describe_error
from codo.catalog.sources.image_lists import file_name, parse_coco
from codo.core.errors import InputError

BOX = "write bbox as [x, y, width, height], not as corners, in pixels of the image as it is on disk, or clip it"


def read_coco(path: Path) -> Annotations:
    """Read and check an annotation file; `locate_images` finds the images.

    Args:
        path: The JSON file.

    Returns:
        The annotations, with classes in the order of their ids.

    Raises:
        InputError: Names the first invalid entry and how many there are.
    """
    values = parse_coco(read_bytes(path, "annotation file"), str(path))
    images = JsonColumns(values.get("images"), "images", "image", path)
    categories = JsonColumns(values.get("categories"), "categories", "category", path)
    objects = JsonColumns(values.get("annotations"), "annotations", "annotation", path)
    image_ids, names, sizes = _images(images)
    classes, category_ids = _categories(categories)

    object_ids = objects.identify()
    of_image = _lookup(objects, "image_id", image_ids, "images")
    of_class = _lookup(objects, "category_id", category_ids, "categories")
    bbox = objects.boxes("bbox")
    flat = objects.check_boxes(bbox, sizes[of_image], lambda i: f"bbox {bbox[i].tolist()}", BOX)
    crowd = objects.integers("iscrowd", default=0)
    objects.refuse(
        np.flatnonzero((crowd != 0) & (crowd != 1)).tolist(), "where 'iscrowd' is not 0 or 1", "write 0 or 1"
    )
    areas = objects.numbers("area", default=float("nan"))
    objects.refuse(
        np.flatnonzero(areas < 0).tolist(),
        "where 'area' is negative",
        "write the area in square pixels, or leave it out",
        lambda i: f"area {areas[i]:g}",
    )
    outlines = _segmentations(objects, sizes[of_image])
    refuse_same_names(classes, of_class + 1, str(path))

    parents = {row.get("supercategory") for row in categories.rows if row.get("supercategory") != row.get("name")}
    return assemble(
        path,
        image_ids=image_ids,
        file_names=names,
        sizes=sizes,
        categories=classes,
        of_image=of_image,
        bbox=bbox,
        labels=of_class + 1,
        crowd=crowd.astype(bool),
        areas=np.where(np.isnan(areas), bbox[:, 2] * bbox[:, 3], areas),
        object_ids=object_ids,
        outlines=outlines,
        warnings=[flat, unused_classes(classes, of_class + 1, str(path), parents)],
    )


def _images(table: JsonColumns) -> tuple[npt.NDArray[np.int64], list[str], npt.NDArray[np.int32]]:
    """Ids, file names and sizes (height, width)."""
    if not len(table):
        raise InputError("the annotation file has no images", where=str(table.path), fix="give another file")
    ids = table.identify()
    names = table.strings("file_name", [file_name(row) for row in table.rows])
    table.refuse(
        _repeated(names),
        "with the same file_name as another",
        "list each image once, and give all its objects the same image_id",
        lambda i: names[i],
    )
    sizes = np.stack([table.integers("height"), table.integers("width")], axis=1)
    table.refuse(
        np.flatnonzero((sizes <= 0).any(axis=1) | (sizes >= 2**31).any(axis=1)).tolist(),
        "with an impossible size",
        "write height and width in pixels",
        lambda i: f"height {sizes[i, 0]}, width {sizes[i, 1]}",
    )
    return ids, names, sizes.astype(np.int32)


def _repeated(names: Sequence[str]) -> list[int]:
    """Positions of the names that have occurred before."""
    first = {name: i for i, name in reversed(list(enumerate(names)))}
    return [i for i, name in enumerate(names) if first[name] != i]


def _categories(table: JsonColumns) -> tuple[tuple[Category, ...], npt.NDArray[np.int64]]:
    """Classes in the order of their ids, and the ids."""
    if not len(table):
        raise InputError("the annotation file has no categories", where=str(table.path), fix="give another file")
    ids, names = table.identify(), table.strings("name")
    classes = tuple(sorted(Category(int(id_), name) for id_, name in zip(ids, names, strict=True)))
    return classes, np.array([category.id for category in classes], dtype=np.int64)


def _lookup(table: JsonColumns, key: str, known: npt.NDArray[np.int64], plural: str) -> npt.NDArray[np.int64]:
    """Position in ``known`` of every value of a column of ids."""
    values = table.integers(key)
    order = np.argsort(known)
    place = np.searchsorted(known, values, sorter=order).clip(max=len(known) - 1)
    found = order[place]
    table.refuse(
        np.flatnonzero(known[found] != values).tolist(),
        f"whose {key} is not among the {plural}",
        f"correct the {key}, or add it to {plural}",
        lambda i: f"{key} {values[i]}",
    )
    places: npt.NDArray[np.int64] = found.astype(np.int64)
    return places


def _segmentations(table: JsonColumns, sizes: npt.NDArray[np.int32]) -> list[Any]:
    """Segmentations, ``None`` where there is none; ``sizes`` has height and width of each object's image."""
    column = [row.get("segmentation") for row in table.rows]
    wrong = [describe_error(outline, int(h), int(w)) for outline, (h, w) in zip(column, sizes, strict=True)]
    table.refuse(
        (i for i, text in enumerate(wrong) if text),
        "with a wrong segmentation",
        "correct it, or leave out all segmentations to train on boxes only",
        lambda i: wrong[i],
    )
    return [clean(outline) for outline in column]
