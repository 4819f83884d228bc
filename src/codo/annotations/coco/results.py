"""Read a COCO result file, of CoDo or any other detector, and check it against the ground truth.

::

    [{"image_id": 9, "category_id": 51, "score": 0.983612, "bbox": [x, y, width, height],
      "segmentation": {"size": [height, width], "counts": "…"}}, …]

``bbox`` is in pixels of the image as it is on disk; one of ``bbox`` and ``segmentation`` may be left out, of all. The
counts of a segmentation may also be a list of run lengths. Labels in YOLO's and other formats have no ids of images:
there ``image_id`` may be the name of the file, with or without extension, as Ultralytics writes it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from codo.annotations.coco.json_columns import JsonColumns, read_bytes
from codo.annotations.records import Annotations
from codo.core.errors import InputError
from codo.geometry.segmentations import compress, describe_error
from codo.layouts.image_ids import ids_by_name, of_other_images
from codo.sources.image_lists import parse_json

log = logging.getLogger(__name__)


def read_results(path: Path, annotations: Annotations) -> list[dict[str, Any]]:
    """Read the result file of any detector and check it against the ground truth.

    Returns:
        The detections in the order of the file, the counts of their segmentations as strings.

    Raises:
        InputError: Invalid JSON, not a list, or entries that do not match the ground truth; names the first.
    """
    written = parse_json(read_bytes(path, "result file"), str(path))
    if not isinstance(written, list):
        raise InputError("a result file is a JSON list of detections", where=str(path), fix="give COCO results")
    table = JsonColumns(written, "results", "detection", path)
    names = ids_by_name(annotations.file_names, annotations.image_ids)
    named = [str(row.get("file_name")) for row in table.rows]
    if all(name in names for name in named):  # Ultralytics makes ids of names that are numbers, whatever ours are
        given = [row.get("image_id") for row in table.rows]
        what, fix = "whose image_id and file_name are of different images", "correct one, or leave all file_name out"
        table.refuse(
            of_other_images(given, named, names), what, fix, lambda i: f"image_id {given[i]}, file_name {named[i]}"
        )
        table.rows = [{**row, "image_id": names[name]} for row, name in zip(table.rows, named, strict=True)]
    images = {**names, **annotations.aliases.images}
    for key, aliases in (("image_id", images), ("category_id", annotations.aliases.categories)):
        if aliases and all(type(row.get(key)) in (int, str) for row in table.rows):
            table.rows = [{**row, key: aliases.get(row[key], row[key])} for row in table.rows]
    _check_known(table, "image_id", annotations.image_ids, annotations)
    table.rows = rows = _classes_from_0(table, annotations)
    _check_known(table, "category_id", np.array([c.id for c in annotations.categories]), annotations)
    table.numbers("score")
    if any("bbox" in row for row in rows):
        boxes = table.boxes("bbox")
        table.refuse(
            np.flatnonzero((boxes[:, 2:] < 0).any(axis=1)).tolist(),
            "with a box of negative size",
            "write bbox as [x, y, width, height], not as corners",
            lambda i: f"bbox {boxes[i].tolist()}",
        )
    if any("segmentation" in row for row in rows):
        _check_masks(table, annotations)
        rows = [{**row, "segmentation": compress(row["segmentation"])} for row in rows]
    if rows and not {"bbox", "segmentation"} & rows[0].keys():
        keypoints = "; they have keypoints, of which no AP is computed" if "keypoints" in rows[0] else ""
        what = f"detections without bbox or segmentation{keypoints}"
        raise InputError(what, where=str(path), fix="write at least one of them")
    return rows


def outlines(results: Sequence[dict[str, Any]]) -> set[str]:
    """Which of ``bbox`` and ``segmentation`` the detections of a checked file have."""
    return {"bbox", "segmentation"} & results[0].keys() if results else {"bbox", "segmentation"}


def _classes_from_0(table: JsonColumns, annotations: Annotations) -> list[dict[str, Any]]:
    """The detections with class ids that count from 0, as YOLO's labels do, where they count from 1.

    Ultralytics counts so, and writes file names. If the last class was not found either, nothing tells: a warning does.
    """
    rows, count = table.rows, len(annotations.categories)
    values = table.integers("category_id")
    from_0 = [category.id for category in annotations.categories] == list(range(count))
    if not from_0 or not len(values) or values.min() < 1:
        return rows
    if values.max() == count:
        log.info("%s: the classes of detections count from 1, those of %s from 0", table.path, annotations.source)
        return [{**row, "category_id": row["category_id"] - 1} for row in rows]
    if count > 1 and "file_name" in rows[0]:
        told = "no detection is of class 0; if their classes count from 1, as Ultralytics counts, subtract 1 from each"
        log.warning("WARNING %s: %s", table.path, told)
    return rows


def _check_known(table: JsonColumns, key: str, known: Any, annotations: Annotations) -> None:
    values = table.integers(key)
    unknown = np.flatnonzero(~np.isin(values, known)).tolist()
    known_ids = ", ".join(str(v) for v in sorted(known.tolist())[:5]) + (", …" if len(known) > 5 else "")
    counted = _counted(values, known) if key == "category_id" else ""
    table.refuse(
        unknown,
        f"whose {key} is not in the ground truth",
        f"{counted}use the ids of {annotations.source} ({known_ids}), or give the ground truth of these detections",
        lambda i: f"{key} {values[i]}",
    )


def _counted(values: npt.NDArray[np.int64], known: npt.NDArray[np.int64]) -> str:
    """A hint if the category ids of the detections look like consecutive class numbers."""
    low, high = values.min(initial=2), values.max(initial=0)
    if low > 1 or high - low >= len(known):
        return ""
    return f"the ids look like class numbers from {low}, in the order of the categories: "


def _check_masks(table: JsonColumns, annotations: Annotations) -> None:
    column = [row.get("segmentation") for row in table.rows]
    table.refuse(
        (i for i, outline in enumerate(column) if not isinstance(outline, dict)),
        "without an RLE segmentation",
        "write every detection's segmentation as RLE",
    )
    size_of = dict(zip(annotations.image_ids.tolist(), annotations.sizes.tolist(), strict=True))
    wrong = [describe_error(rle, *size_of[row["image_id"]]) for rle, row in zip(column, table.rows, strict=True)]
    bad, fix = (i for i, text in enumerate(wrong) if text), "write RLE of the image's own height and width"
    table.refuse(bad, "with a wrong segmentation", fix, lambda i: wrong[i])
