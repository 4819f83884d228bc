"""Labels as the lists of a COCO file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from codo.core.errors import InputError
from codo.label_formats.table import (
    Extra,
    LabeledImage,
    LabeledObject,
    Labels,
    LabelTable,
    coco_lists,
    left_out,
    without_images,
)
from codo.layouts.entries import FileEntries

FILE = Path("x/a.json")
TRIANGLE = [[0, 0, 10, 0, 0, 10]]


def labels() -> Labels:
    first = LabeledImage("a.jpg", FILE, 1, (80, 100))
    first.objects = [
        LabeledObject("dog", [1, 2, 3, 4], 1, crowd=True, difficult=True),
        LabeledObject("cat", [0, 0, 10, 10], 2, outline=TRIANGLE, clip=True),
        LabeledObject("cat", [0, 0, 10, 10], 3, area=7.0),
    ]
    return Labels([first, LabeledImage("b.jpg", FILE)])


def test_rows_have_their_place_in_the_file() -> None:
    made = labels()
    assert made.names == {"cat", "dog"}
    lists = coco_lists([made], ["cat", "dog"], "shape", [7, 8])
    assert lists["categories"] == [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    assert [(row["id"], row.get("height")) for row in lists["images"]] == [(7, 80), (8, None)]
    assert [row[Extra.PLACE][0] for row in lists["images"]] == ["image 1 of a.json", "a.json"]
    first, second, third = lists["annotations"]
    assert (first["category_id"], first["iscrowd"], first[Extra.DIFFICULT]) == (2, 1, True)
    assert first[Extra.PLACE] == ("shape 1 of image 1 of a.json", FILE)
    assert (second["segmentation"], second["area"], second[Extra.CLIP]) == (TRIANGLE, 50, True)
    assert ("segmentation" in third, third["area"], "area" in first) == (False, 7.0, False)


def test_images_are_left_out_with_their_objects() -> None:
    lists = coco_lists([labels()], ["cat", "dog"], "shape", [7, 8])
    assert [len(rows) for rows in without_images(lists, [0]).values()] == [1, 2, 0]
    assert [len(rows) for rows in without_images(lists, [1]).values()] == [1, 2, 3]
    kept = without_images({"images": [{"id": "x"}, {}], "annotations": [{"image_id": "x"}, 3]}, [0])
    assert kept == {"images": [{}], "annotations": [3]}


def test_only_shapes_that_may_reach_out_are_cut() -> None:
    table = LabelTable(FILE, coco_lists([labels()], ["cat", "dog"], "shape", [7, 8]), [], "pixels", "shape", [])
    bbox = np.array([[-5.0, 2, 30, 4], [-5, 0, 10, 10], [0, 0, 10, 10]])
    sizes = np.array([[80, 100]] * 3, dtype=np.int32)
    entries = FileEntries("shape", [FILE] * 3, [1, 2, 3])
    assert table.clip(entries, bbox, sizes).tolist() == [[-5, 2, 30, 4], [0, 0, 5, 10], [0, 0, 10, 10]]
    bbox[1, 0] = 200
    with pytest.raises(InputError, match=r"1 shape outside of its image: shape 2 of a\.json"):
        table.clip(entries, bbox, sizes)


def test_what_is_left_out_is_counted() -> None:
    assert left_out(FILE, "shapes", Counter(), "without an area") == []
    told = left_out(FILE, "shapes", Counter(point=2, line=1), "without an area")
    assert told == ["x/a.json: 3 shapes without an area are left out (2 point, 1 line)"]
