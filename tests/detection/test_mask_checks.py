"""Outlines that are all rectangles are told before a mask head learns them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from codo.annotations.coco.read import read_coco
from codo.annotations.records import Annotations
from codo.detection.mask_checks import FEW, rectangle_warning


def read(
    tmp_path: Path, change: Callable[[list[dict[str, Any]]], Any] = lambda rows: None, count: int = FEW
) -> Annotations:
    """Objects as `sahi coco slice` writes boxes: the box has fractions, its outline whole pixels."""
    rows: list[dict[str, Any]] = []
    for i in range(count):
        x, y, w, h = 10.5 + i, 20.0, 30.0, 40.25
        left, top, right, bottom = int(x), int(y), int(x + w), int(y + h)
        outline = [left, bottom, right, bottom, right, top, left, top]
        rows.append({"id": i + 1, "image_id": 1, "category_id": 1, "bbox": [x, y, w, h], "area": int(w * h)})
        rows[-1] |= {"iscrowd": 0, "segmentation": [outline]}
    change(rows)
    images = [{"id": 1, "file_name": "a_0_0_100_100.png", "width": 100, "height": 100}]
    values = {"images": images, "categories": [{"id": 1, "name": "cat"}], "annotations": rows}
    (tmp_path / "truth.json").write_text(json.dumps(values))
    return read_coco(tmp_path / "truth.json")


def test_rectangles_alone_are_told_with_their_number_and_the_setting(tmp_path: Path) -> None:
    message = rectangle_warning(read(tmp_path))
    assert message.startswith(f"{tmp_path / 'truth.json'}: the outlines of all {FEW} objects are upright rectangles")
    assert message.endswith("if they are no masks, set masks=false")


def test_one_other_outline_among_them_makes_masks(tmp_path: Path) -> None:
    turned = [25, 20, 40, 40, 25, 60, 10, 40]  # a rhombus: four corners, too
    assert rectangle_warning(read(tmp_path, lambda rows: rows[3].update(segmentation=[turned]))) == ""
    parts = [[10, 20, 20, 20, 20, 60, 10, 60], [30, 20, 40, 20, 40, 60, 30, 60]]
    assert rectangle_warning(read(tmp_path, lambda rows: rows[0].update(segmentation=parts))) == ""
    mask = {"size": [100, 100], "counts": [1020, 40, 8940]}
    assert rectangle_warning(read(tmp_path, lambda rows: rows[0].update(segmentation=mask))) == ""


def test_crowds_are_not_asked_and_few_objects_say_nothing(tmp_path: Path) -> None:
    def crowd(rows: list[dict[str, Any]]) -> None:
        rows[0].update(iscrowd=1, segmentation={"size": [100, 100], "counts": [1020, 40, 8940]})

    assert "all 10 objects" in rectangle_warning(read(tmp_path, crowd, FEW + 1))
    assert rectangle_warning(read(tmp_path, count=FEW - 1)) == ""
    assert rectangle_warning(read(tmp_path, lambda rows: [row.pop("segmentation") for row in rows])) == ""
