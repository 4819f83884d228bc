"""Detections as COCO result files: a JSON list with one object a detection.

::

    [{"image_id": 9, "category_id": 51, "score": 0.983612, "bbox": [x, y, width, height],
      "segmentation": {"size": [height, width], "counts": "…"}}, …]

``bbox`` is in pixels of the image as it is on disk; ``segmentation`` is there when the detector has masks. Numbers are
rounded (1/1000 pixel, 1e-6 of score), and everything is scored as it is written, so that a file says what the log says.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from codo.detection.annotations.records import Annotations
from codo.detection.annotations.segmentations import encode, mistake
from codo.detection.annotations.table import Table
from codo.detection.detector import paste
from codo.errors import InputError
from codo.run import write_atomically


def to_results(
    annotations: Annotations, i: int, detected: dict[str, Tensor], ids: Sequence[int]
) -> list[dict[str, Any]]:
    """The detections of image ``i`` as COCO results.

    Args:
        annotations: The data set that the image is of.
        i: Index of the image.
        detected: What `Detector.detect` found in it.
        ids: Category id of every label; label 1 is the first.
    """
    boxes = detected["boxes"].cpu().double().numpy()
    sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).round(3).tolist()
    scores = detected["scores"].cpu().double().numpy().round(6).tolist()
    results: list[dict[str, Any]] = [
        {"image_id": int(annotations.image_ids[i]), "category_id": ids[label - 1], "score": score, "bbox": box}
        for label, score, box in zip(detected["labels"].tolist(), scores, sides, strict=True)
    ]
    if "masks" in detected:
        height, width = (int(side) for side in annotations.sizes[i])
        for result, grid, place in zip(results, detected["masks"], detected["boxes"], strict=True):
            result["segmentation"] = encode(paste(grid, place, (height, width)).cpu().numpy())
    return results


def write_results(path: Path, results: Sequence[dict[str, Any]]) -> None:
    """Write a result file, one detection a line."""
    lines = ",\n".join(json.dumps(result, separators=(",", ":")) for result in results)
    write_atomically(path, f"[{lines}]\n")


def read_results(path: Path, annotations: Annotations) -> list[dict[str, Any]]:
    """Read the result file of any detector and check it against the ground truth.

    Raises:
        InputError: Broken JSON, not a list, or entries that do not fit the ground truth; the first is named.
    """
    try:
        rows = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"cannot read the result file: {error.strerror}", where=str(path), fix="check the path"
        ) from error
    except ValueError as error:
        raise InputError(
            f"broken JSON: {error}", where=str(path), fix="write the file again; it may be cut off"
        ) from error
    if not isinstance(rows, list):
        raise InputError("a result file is a JSON list of detections", where=str(path), fix="give COCO results")
    table = Table(rows, "results", "detection", path)
    _check_known(table, "image_id", annotations.image_ids, annotations)
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
    if rows and not {"bbox", "segmentation"} & rows[0].keys():
        raise InputError("detections without bbox or segmentation", where=str(path), fix="write at least one of them")
    return rows


def outlines(results: Sequence[dict[str, Any]]) -> set[str]:
    """Which of ``bbox`` and ``segmentation`` the detections of a checked file have."""
    return {"bbox", "segmentation"} & results[0].keys() if results else {"bbox", "segmentation"}


def _check_known(table: Table, key: str, known: Any, annotations: Annotations) -> None:
    values = table.integers(key)
    strange = np.flatnonzero(~np.isin(values, known)).tolist()
    shown = ", ".join(str(v) for v in sorted(known.tolist())[:5])
    table.refuse(
        strange,
        f"whose {key} the ground truth does not have",
        f"use the ids of {annotations.source} ({shown}, …), or give the ground truth that belongs to the detections",
        lambda i: f"{key} {values[i]}",
    )


def _check_masks(table: Table, annotations: Annotations) -> None:
    column = [row.get("segmentation") for row in table.rows]
    table.refuse(
        (i for i, outline in enumerate(column) if not isinstance(outline, dict)),
        "without an RLE segmentation",
        "write every detection's segmentation as compressed RLE",
    )
    size_of = dict(zip(annotations.image_ids.tolist(), annotations.sizes.tolist(), strict=True))
    wrong = [mistake(rle, *size_of[row["image_id"]]) for rle, row in zip(column, table.rows, strict=True)]
    table.refuse(
        (i for i, text in enumerate(wrong) if text),
        "with a wrong segmentation",
        "write RLE of the image's own height and width",
        lambda i: wrong[i],
    )
