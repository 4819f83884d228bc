"""Detections as COCO result files: a JSON list with one object per detection.

::

    [{"image_id": 9, "category_id": 51, "score": 0.983612, "bbox": [x, y, width, height],
      "segmentation": {"size": [height, width], "counts": "…"}}, …]

``bbox`` is in pixels of the image on disk; ``segmentation`` exists if the detector has masks. Numbers are rounded to
1/1000 pixel and 1e-6 of score, and the metrics are computed after rounding, so that the file gives the same metrics as
the log. `codo.annotations.coco.results` reads these files.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from codo.annotations.records import Aliases, Annotations
from codo.core.io import write_atomically
from codo.detection.detector import paste
from codo.geometry.segmentations import encode


def to_results(
    annotations: Annotations, i: int, detected: dict[str, Tensor], ids: Sequence[int]
) -> list[dict[str, Any]]:
    """The detections of image ``i`` as COCO results.

    Args:
        annotations: The data set of the image.
        i: Index of the image.
        detected: Detections of `Detector.detect` in the image.
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


def write_results(path: Path, results: Sequence[dict[str, Any]], aliases: Aliases | None = None) -> None:
    """Write a result file, one detection per line; ids that are strings in the ground truth are written as such."""
    images, categories = ({to: one for one, to in ids.items() if type(one) is str} for ids in aliases or ({}, {}))
    if images or categories:
        results = [
            {
                **row,
                "image_id": images.get(row["image_id"], row["image_id"]),
                "category_id": categories.get(row["category_id"], row["category_id"]),
            }
            for row in results
        ]
    lines = ",\n".join(json.dumps(result, separators=(",", ":")) for result in results)
    write_atomically(path, f"[{lines}]\n")
