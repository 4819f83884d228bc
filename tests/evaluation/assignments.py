"""Detections beside the truth from a few numbers, through the readers that users' files go through."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codo.annotations.coco.layout import locate_images
from codo.annotations.coco.read import read_coco
from codo.annotations.coco.results import read_results
from codo.evaluation.detections import Detections, Kind, join
from codo.evaluation.error_types import ErrorAssignment, assign_errors

Truth = dict[str, Any]
Results = list[dict[str, Any]]
Object = tuple[int, int, Sequence[float]]
"""Image (from 1), category (4 or 9), and box as x, y, width, height."""

CLASSES = {4: "cat", 9: "dog"}


def truth_of(objects: Sequence[Object], images: int = 2, crowd: Sequence[int] = ()) -> Truth:
    """COCO annotations on images of 240 x 200; ``crowd`` holds positions of crowd regions."""
    return {
        "images": [{"id": i, "height": 200, "width": 240, "file_name": f"{i}.jpg"} for i in range(1, images + 1)],
        "categories": [{"id": id_, "name": name} for id_, name in CLASSES.items()],
        "annotations": [
            {
                "id": i + 1,
                "image_id": image,
                "category_id": category,
                "bbox": list(box),
                "area": box[2] * box[3],
                "iscrowd": int(i in crowd),
            }
            for i, (image, category, box) in enumerate(objects)
        ],
    }


def result(image: int, category: int, box: Sequence[float], score: float) -> dict[str, Any]:
    """One detection as COCO writes it."""
    return {"image_id": image, "category_id": category, "bbox": list(box), "score": score}


def detections_of(
    folder: Path, truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]], kind: Kind = "bbox"
) -> Detections:
    """Read and joined; the images are empty files, for nothing here looks at them."""
    folder.mkdir(exist_ok=True)
    (folder / "truth.json").write_text(json.dumps(truth))
    (folder / "found.json").write_text(json.dumps(results))
    for image in truth["images"]:
        (folder / image["file_name"]).touch()
    annotations = locate_images(read_coco(folder / "truth.json"), [folder])
    return join(annotations, read_results(folder / "found.json", annotations), kind)


def assign_all(detections: Detections) -> list[ErrorAssignment]:
    """What came of every image."""
    return [assign_errors(image_result) for image_result in detections.image_results]
