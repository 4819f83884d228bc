"""Perfect detections in another format, unit, scale or numbering are refused with what they are; poor ones are not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codo.annotations.coco.read import read_coco
from codo.annotations.records import Annotations
from codo.core.errors import InputError
from codo.evaluation.result_conventions import check_results
from codo.geometry.segmentations import encode
from tests.annotations.synthetic import coco

Rows = list[dict[str, Any]]


def truth_of(tmp_path: Path, ids: tuple[int, ...] = (3, 8), images: int = 8) -> Annotations:
    truth = copy.deepcopy(coco(images, seed=3, height=240, width=320)[0])
    names = dict(zip((3, 8), ids, strict=False))
    for row in (*truth["categories"], *truth["annotations"]):
        key = "category_id" if "category_id" in row else "id"
        row[key] = names[row[key]]
    for category in ids[2:]:
        truth["categories"].append({"id": category, "name": f"other{category}"})
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    return read_coco(tmp_path / "truth.json")


def perfect(annotations: Annotations) -> Rows:
    """Every object as a detection, and as many wrong ones with lower scores."""
    rng = np.random.default_rng(0)
    rows = [
        {"image_id": row["image_id"], "category_id": row["category_id"], "score": 0.9, "bbox": row["bbox"]}
        for row in annotations.to_coco()["annotations"]
    ]
    poor = [{**row, "score": 0.1, "bbox": [*rng.uniform(0, 100, 2), *rng.uniform(5, 90, 2)]} for row in rows]
    return [*poor, *rows]


def boxes(change: Callable[[float, float, float, float], list[float]]) -> Callable[[Rows], Rows]:
    return lambda rows: [{**row, "bbox": change(*row["bbox"])} for row in rows]


OTHERS: dict[str, tuple[Callable[[Rows], Rows], str]] = {
    "corners": (boxes(lambda x, y, w, h: [x, y, x + w, y + h]), "as corners x1, y1, x2, y2"),
    "center": (boxes(lambda x, y, w, h: [x + w / 2, y + h / 2, w, h]), "as center x, y, width, height"),
    "shares": (boxes(lambda x, y, w, h: [x / 320, y / 240, w / 320, h / 240]), "as shares of the image (0 to 1)"),
    "corner shares": (
        boxes(lambda x, y, w, h: [x / 320, y / 240, (x + w) / 320, (y + h) / 240]),
        "as corners x1, y1, x2, y2 as shares of the image",
    ),
    "a quarter": (boxes(lambda x, y, w, h: [x / 4, y / 4, w / 4, h / 4]), "as at another scale: times 4"),
    "at 640": (boxes(lambda x, y, w, h: [2 * x, 2 * y, 2 * w, 2 * h]), "as at another scale: times 0.5"),
    "a square of 416": (
        boxes(lambda x, y, w, h: [x * 1.3, y * 416 / 240, w * 1.3, h * 416 / 240]),
        "stretched to a square",
    ),
}


def as_masks(rows: Rows) -> Rows:
    """The same detections as masks alone, of the boxes' pixels."""
    found = []
    for row in rows:
        mask = np.zeros((240, 320), np.uint8)
        x, y, width, height = (round(value) for value in row["bbox"])
        mask[y : y + height, x : x + width] = 1
        found.append({key: value for key, value in row.items() if key != "bbox"} | {"segmentation": encode(mask)})
    return found


def test_class_numbers_of_masks_alone(tmp_path: Path) -> None:
    annotations = truth_of(tmp_path, (0, 1, 2))
    rows = as_masks(perfect(annotations))
    check_results("found.json", annotations, rows)
    moved = [{**row, "category_id": row["category_id"] + 1} for row in rows]
    with pytest.raises(InputError, match="counted from 1, where the data count from 0"):
        check_results("found.json", annotations, moved)
    elsewhere = [{**row, "segmentation": encode(np.eye(240, 320, dtype=np.uint8))} for row in rows]
    check_results("found.json", annotations, elsewhere)  # masks have no other unit to be in
    check_results("found.json", annotations, [{**row, "segmentation": encode(np.zeros((240, 320)))} for row in rows])


@pytest.mark.parametrize("name", OTHERS)
def test_boxes_of_another_kind_are_refused_by_their_name(name: str, tmp_path: Path) -> None:
    annotations, (change, text) = truth_of(tmp_path), OTHERS[name]
    with pytest.raises(InputError, match="of the best detections are on an object, but 100% if the boxes") as caught:
        check_results("found.json", annotations, change(perfect(annotations)))
    assert text in caught.value.what


@pytest.mark.parametrize(
    ("ids", "moved", "text"),
    [
        ((0, 1, 2), {0: 1, 1: 2}, "counted from 1, where the data count from 0"),
        ((1, 2, 3), {1: 0, 2: 1}, "counted from 0, where the data count from 1"),
        ((3, 8, 0, 1), {3: 2, 8: 3}, "the places of the classes among those of the data, from 0"),
        ((4, 8, 1, 3), {4: 3, 8: 4}, "the places of the classes among those of the data, from 1"),
    ],
)
def test_other_class_numbers_are_refused(
    ids: tuple[int, ...], moved: dict[int, int], text: str, tmp_path: Path
) -> None:
    annotations = truth_of(tmp_path, ids)
    rows = [{**row, "category_id": moved[row["category_id"]]} for row in perfect(annotations)]
    with pytest.raises(InputError, match="hardly any detection has the class of the object that it is on") as caught:
        check_results("found.json", annotations, rows)
    assert text in caught.value.what


def test_right_detections_and_poor_ones_are_accepted(tmp_path: Path) -> None:
    annotations = truth_of(tmp_path, (0, 1, 2))
    rows, rng = perfect(annotations), np.random.default_rng(1)
    check_results("found.json", annotations, rows)
    check_results("found.json", annotations, [])
    check_results("found.json", annotations, [{k: v for k, v in row.items() if k != "bbox"} for row in rows])
    random = [{**row, "bbox": [*rng.uniform(0, 150, 2), *rng.uniform(5, 90, 2)]} for row in rows]
    check_results("found.json", annotations, random)
    check_results("found.json", annotations, [{**row, "bbox": [0, 0, 0, 0]} for row in rows])
    one = [{**row, "category_id": 2} for row in rows]  # a detector that knows one class
    check_results("found.json", annotations, one)
    swapped = [{**row, "category_id": {0: 1, 1: 0}[row["category_id"]]} for row in rows]
    check_results("found.json", annotations, swapped)
