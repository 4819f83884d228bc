"""Areas that contradict outlines and objects that are there twice are told with their numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codo.annotations.coco.read import CocoRules, read_coco
from codo.annotations.records import Annotations
from codo.evaluation.truth_checks import repeated_objects, truth_warnings, wrong_areas
from tests.annotations.synthetic import coco

Make = Callable[..., Annotations]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def build(change: Callable[[list[dict[str, Any]]], Any] = lambda rows: None, **rules: str) -> Annotations:
        truth, _ = coco(4, seed=5, height=240, width=320)
        for row in truth["annotations"]:
            row["area"] = row["bbox"][2] * row["bbox"][3] * (0.785 if row["category_id"] == 8 else 1)
        change(truth["annotations"])
        for number, row in enumerate(truth["annotations"], start=1):
            row["id"] = number
        (tmp_path / "truth.json").write_text(json.dumps(truth))
        return read_coco(tmp_path / "truth.json", CocoRules(**rules))  # type: ignore[arg-type]

    return build


def test_right_ground_truth_has_no_warning(make: Make) -> None:
    assert truth_warnings(make()) == []
    assert truth_warnings(make(lambda rows: [row.pop("area") for row in rows])) == []
    assert truth_warnings(make(lambda rows: [row.update(iscrowd=1, area=0) for row in rows[:1]])) == []


def test_an_area_of_zero_is_told_with_its_size(make: Make) -> None:
    message = wrong_areas(make(lambda rows: rows[2].update(area=0)))
    assert "the area of 1 of 8 objects contradicts their outline or box (the first: 0, not about" in message
    assert "annotation 3 of 001.png" in message
    assert "1 change between small, medium and large" in message


@pytest.mark.parametrize("factor", [1 / 20, 20])
@pytest.mark.parametrize("outlines", [True, False])
def test_areas_that_are_all_too_small_or_too_large(factor: float, outlines: bool, make: Make) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["area"] *= factor
            if not outlines:
                del row["segmentation"]

    assert "the area of 8 of 8 objects contradicts" in wrong_areas(make(change))
    assert wrong_areas(make(change, areas="computed")) == ""


def test_computed_areas_are_those_of_outlines_or_boxes(make: Make) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[0].update(area=0, segmentation=[[0, 0, 10, 0, 10, 5, 0, 5]], bbox=[0, 0, 10, 5])
        rows[1].update(area=0, bbox=[0, 0, 7, 3])
        del rows[1]["segmentation"]

    assert make(change, areas="computed").areas[:2].tolist() == [50, 21]


def test_thin_objects_without_outlines_may_have_small_areas(make: Make) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            del row["segmentation"]
        rows[0]["area"] /= 30

    assert wrong_areas(make(change)) == ""


def test_every_object_twice(make: Make) -> None:
    message = repeated_objects(make(lambda rows: rows.extend([dict(row) for row in rows])))
    assert "8 of 16 objects repeat one of the same class and box (the first: annotation 9 of 000.png)" in message


def test_nearly_the_same_box_is_told_another_class_is_not(make: Make) -> None:
    def moved(rows: list[dict[str, Any]]) -> None:
        x, y, w, h = rows[0]["bbox"]
        rows.append({**rows[0], "bbox": [x + 1, y, w, h]})

    assert "1 of 9 objects repeat one of the same class and nearly the same box" in repeated_objects(make(moved))
    other = {3: 8, 8: 3}
    change = make(lambda rows: rows.append({**rows[0], "category_id": other[rows[0]["category_id"]]}))
    assert repeated_objects(change) == ""
    apart = make(
        lambda rows: rows.append({**rows[0], "bbox": [0, 0, 9, 9], "segmentation": [[0, 0, 9, 0, 9, 9, 0, 9]]})
    )
    assert repeated_objects(apart) == ""
