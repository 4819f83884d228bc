"""Read and check a COCO annotation file (instances).

::

    {"images":      [{"id", "file_name", "width", "height"}, …],
     "categories":  [{"id", "name"}, …],
     "annotations": [{"id", "image_id", "category_id", "bbox": [x, y, w, h], "area", "iscrowd", "segmentation"}, …]}

``area``, ``iscrowd`` and ``segmentation`` may be left out; ids may have gaps. Boxes far outside of the image, and
segmentations of another size, are errors: images and annotations do not belong together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from codo.annotations.assemble import assemble, unused_classes
from codo.annotations.coco.classes import merge_classes, parent_ids, resolve_crowds
from codo.annotations.coco.filled_in import boxes_column
from codo.annotations.coco.json_columns import JsonColumns, read_bytes
from codo.annotations.records import Aliases, Annotations, Category
from codo.core.errors import InputError
from codo.core.interpreter import without_collection
from codo.geometry.boxes import Convention, to_pixels
from codo.geometry.extents import outline_area
from codo.geometry.rotation import rotations
from codo.geometry.segmentations import clean, describe_error
from codo.geometry.units import check_units
from codo.label_formats.coco_dialects import dialect_notes
from codo.label_formats.table import Extra, LabelTable
from codo.sources.image_lists import file_name, parse_coco

BOX = "write bbox as [x, y, width, height], not as corners, in pixels of the image as it is on disk, or clip it"


class CocoRules(NamedTuple):
    """How to read a file; see the settings of the same names (`codo.annotations.source.DataSettings`).

    Attributes:
        boxes: Format and unit of boxes.
        crowd: ``auto``, ``ignore`` or ``object``.
        same_names: ``refuse`` or ``merge``.
        areas: ``file`` or ``computed``.
    """

    boxes: Convention = Convention()
    crowd: str = "ignore"
    same_names: str = "refuse"
    areas: str = "file"


def read_coco(
    path: Path,
    rules: CocoRules = CocoRules(),  # noqa: B008 (immutable)
    sizes_of: Callable[[Sequence[str]], npt.NDArray[np.int32]] | None = None,
) -> Annotations:
    """Read and check an annotation file; `locate_images` finds the images.

    Args:
        path: The JSON file.
        rules: How to read it.
        sizes_of: Reads the height and width of images by their names, where the file has none.

    Returns:
        The annotations, with classes in the order of their ids.

    Raises:
        InputError: Names the first invalid entry and how many there are.
    """
    with without_collection():
        return _read(parse_coco(read_bytes(path, "annotation file"), str(path)), path, rules, sizes_of)


def read_lists(
    values: dict[str, Any],
    path: Path,
    rules: CocoRules,
    sizes_of: Callable[[Sequence[str]], npt.NDArray[np.int32]],
    table: LabelTable | None = None,
) -> Annotations:
    """Check the lists of a COCO file that have been read already, or those of another format; see `read_coco`.

    Args:
        values: The lists.
        path: What was read, for messages.
        rules: How to read them.
        sizes_of: See `read_coco`.
        table: The labels in another format that the lists are of.
    """
    with without_collection():
        return _read(values, path, rules, sizes_of, table)


def _read(
    values: dict[str, Any],
    path: Path,
    rules: CocoRules,
    sizes_of: Callable[[Sequence[str]], npt.NDArray[np.int32]] | None,
    table: LabelTable | None = None,
) -> Annotations:
    images = JsonColumns(values.get("images"), "images", "image", path)
    categories = JsonColumns(values.get("categories"), "categories", "category", path)
    objects = JsonColumns(values.get("annotations"), "annotations", table.entry if table else "annotation", path)
    image_ids, names, sizes, size_note = _images(images, sizes_of)
    classes, category_ids = _categories(categories)

    object_ids = objects.identify()
    of_image = _lookup(objects, "image_id", image_ids, images, "images")
    of_class = _lookup(objects, "category_id", category_ids, categories, "categories")
    column, box_note = boxes_column(objects)
    written = objects.boxes("bbox", column)
    bbox = to_pixels(written, sizes[of_image], rules.boxes)
    outlines = _segmentations(objects, sizes[of_image])
    areas = objects.numbers("area", default=float("nan"))
    unit_warning = ""
    if table is None or table.unsure:
        unit_warning = check_units(str(path), written, sizes[of_image], outlines, areas, rules.boxes)
    rectangles = bbox
    bbox, turned = objects.turned_boxes(bbox, sizes[of_image], rotations(objects.rows, outlines, bbox), str(path))
    if table is not None:
        bbox = table.clip(objects, bbox, sizes[of_image])
    fix = BOX if table is None else "write positions in the image as it is on disk, or clip them"
    flat = objects.check_boxes(bbox, sizes[of_image], lambda i: f"bbox {written[i].tolist()}", fix)
    crowd = objects.integers("iscrowd", default=0, flags=True)
    objects.refuse(
        np.flatnonzero((crowd != 0) & (crowd != 1)).tolist(), "where 'iscrowd' is not 0 or 1", "write 0 or 1"
    )
    objects.refuse(
        np.flatnonzero(areas < 0).tolist(),
        "where 'area' is negative",
        "write the area in square pixels, or leave it out",
        lambda i: f"area {areas[i]:g}",
    )
    if rules.areas == "computed":
        areas = np.array([float("nan") if one is None else outline_area(one) for one in outlines])
    parents = parent_ids(categories, classes, of_class + 1)
    used = merge_classes(classes, of_class + 1, parents, rules.same_names, str(path))
    ignored, crowd_note = resolve_crowds(used, crowd.astype(bool), "ignore" if table else rules.crowd, str(path))
    hard = [bool(row.get(Extra.DIFFICULT)) for row in objects.rows] if table else []
    aliases = Aliases({**images.numbered}, {**categories.numbered, **used.merged})
    return assemble(
        path,
        image_ids=image_ids,
        file_names=names,
        sizes=sizes,
        categories=used.classes,
        of_image=of_image,
        bbox=bbox,
        labels=used.labels,
        crowd=ignored,
        areas=np.where(np.isnan(areas), rectangles[:, 2] * rectangles[:, 3], areas),
        object_ids=object_ids,
        outlines=outlines,
        difficult=np.array(hard, dtype=np.bool_) if any(hard) else None,
        parents=parents,
        aliases=aliases,
        warnings=[flat, unit_warning, unused_classes(used.classes, used.labels, str(path), parents)],
        notes=[
            *(table.notes if table else dialect_notes(values, str(path))),
            *(size_note, box_note, turned, crowd_note, used.note, _id_note(aliases, str(path))),
        ],
    )


def _id_note(aliases: Aliases, where: str) -> str:
    """A note if ids are strings."""
    strings = [name for name in ("images", "categories") if any(type(v) is str for v in getattr(aliases, name))]
    return f"{where}: ids of {' and '.join(strings)} are strings; result files may use them" if strings else ""


def _images(
    table: JsonColumns, sizes_of: Callable[[Sequence[str]], npt.NDArray[np.int32]] | None
) -> tuple[npt.NDArray[np.int64], list[str], npt.NDArray[np.int32], str]:
    """Ids, file names, sizes (height, width), and a note if sizes are those of the files."""
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
    sized = [row.get("height") is not None and row.get("width") is not None for row in table.rows]
    without = [i for i, known in enumerate(sized) if not known] if sizes_of else []
    default = 0 if without else None
    sizes = np.stack([table.integers(side, default) for side in ("height", "width")], axis=1)
    if sizes_of and without:
        sizes[without] = sizes_of([names[i] for i in without])
    note = f"{table.path}: {len(without)} of {len(names)} images have no size; taken from the files" if without else ""
    table.refuse(
        np.flatnonzero((sizes <= 0).any(axis=1) | (sizes >= 2**31).any(axis=1)).tolist(),
        "with an impossible size",
        "write height and width in pixels",
        lambda i: f"height {sizes[i, 0]}, width {sizes[i, 1]}",
    )
    return ids, names, sizes.astype(np.int32), note


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


def _lookup(
    table: JsonColumns, key: str, known: npt.NDArray[np.int64], owner: JsonColumns, plural: str
) -> npt.NDArray[np.int64]:
    """Position in ``known`` of every value of a column of ids; ``owner`` is the list that has these ids."""
    values = table.integers(key, numbered=owner.numbered)
    order = np.argsort(known)
    place = np.searchsorted(known, values, sorter=order).clip(max=len(known) - 1)
    found = order[place]
    table.refuse(
        np.flatnonzero(known[found] != values).tolist(),
        f"whose {key} is not among the {plural}",
        f"correct the {key}, or add it to {plural}",
        lambda i: f"{key} {table.rows[i].get(key)}",
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
