"""What a file leaves out is taken from what it has, and told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codo.annotations.coco.read import read_coco
from codo.core.errors import InputError
from tests.annotations.coco.test_read import changed, save  # noqa: F401 (a fixture)

Save = Callable[[Any], Path]


def test_boxes_from_outlines_and_keypoints(save: Save) -> None:  # noqa: F811
    def change(truth: dict[str, Any]) -> None:
        zebra, _, ant = truth["annotations"]
        del zebra["bbox"]
        ant |= {"bbox": [], "segmentation": [], "keypoints": [5, 6, 2, 15, 30, 1, 0, 0, 0], "num_keypoints": 2}

    path = save(changed(change))
    read = read_coco(path)
    assert read.bbox.tolist() == [[10.5, 20, 30, 40], [1, 2, 30, 40], [5, 6, 10, 24]]
    assert read.notes == (f"{path}: boxes that the file has not were taken 1 from outlines and 1 from keypoints",)


def test_keypoints_beside_a_box_change_nothing(save: Save) -> None:  # noqa: F811
    read = read_coco(save(changed(lambda t: t["annotations"][0].update(keypoints=[0, 0, 2, 9, 9, 2]))))
    assert read.bbox[1].tolist() == [1, 2, 30, 40]
    assert read.notes == ()


def test_an_object_with_nothing_to_take_a_box_from_is_refused(save: Save) -> None:  # noqa: F811
    def change(truth: dict[str, Any]) -> None:
        truth["annotations"][2].update(bbox=None, segmentation=[], keypoints=[5, 6, 2])

    with pytest.raises(InputError, match="where 'bbox' is not a list of four numbers: annotation 6 \\(bbox missing"):
        read_coco(save(changed(change)))


def test_sizes_from_the_files(save: Save) -> None:  # noqa: F811
    def change(truth: dict[str, Any]) -> None:
        del truth["images"][1]["width"], truth["images"][1]["height"], truth["images"][2]["width"]

    asked: list[Sequence[str]] = []

    def sizes_of(names: Sequence[str]) -> np.ndarray:
        asked.append(names)
        return np.array([[50, 60], [55, 66]], dtype=np.int32)

    path = save(changed(change))
    read = read_coco(path, sizes_of=sizes_of)
    assert asked == [["b.jpg", "c.jpg"]]
    assert read.sizes.tolist() == [[80, 100], [50, 60], [55, 66]]
    assert read.notes == (f"{path}: 2 of 3 images have no size; taken from the files",)
    with pytest.raises(InputError, match="1 image where 'height' is not an integer"):
        read_coco(path)


STRINGS = {"images": {30: "a", 4: "b-1", 9: "c"}, "categories": {90: "z", 2: "a"}}


def strings(truth: dict[str, Any]) -> None:
    for kind, ids in STRINGS.items():
        for row in truth[kind]:
            row["id"] = ids[row["id"]]
    for row in truth["annotations"]:
        row["id"] = f"x{row['id']}"
        row["image_id"] = STRINGS["images"][row["image_id"]]
        row["category_id"] = STRINGS["categories"][row["category_id"]]


def test_ids_that_are_strings_are_numbered_and_kept(save: Save) -> None:  # noqa: F811
    path = save(changed(strings))
    read = read_coco(path)
    assert read.image_ids.tolist() == [1, 2, 3]
    assert read.aliases.images == {"a": 1, "b-1": 2, "c": 3}
    assert [tuple(c) for c in read.categories] == [(1, "zebra"), (2, "ant")]
    assert read.bbox.tolist() == [[10.5, 20, 30, 40], [1, 2, 30, 40], [58, 48, 3, 3]]
    assert read.labels.tolist() == [2, 1, 2]
    assert read.notes == (f"{path}: ids of images and categories are strings; result files may use them",)


def test_strings_of_digits_are_those_numbers(save: Save) -> None:  # noqa: F811
    def change(truth: dict[str, Any]) -> None:
        for row in truth["images"]:
            row["id"] = f"{row['id']:06d}"
        for row in truth["annotations"]:
            row["image_id"] = f"{row['image_id']:06d}"

    read = read_coco(save(changed(change)))
    assert read.image_ids.tolist() == [30, 4, 9]
    assert read.aliases.images == {"000030": 30, "000004": 4, "000009": 9}


def test_an_unknown_string_is_named(save: Save) -> None:  # noqa: F811
    def change(truth: dict[str, Any]) -> None:
        strings(truth)
        truth["annotations"][1]["image_id"] = "nowhere"

    with pytest.raises(InputError, match=r"1 annotation whose image_id is not among .* \(image_id nowhere\)"):
        read_coco(save(changed(change)))
    with pytest.raises(InputError, match="2 images where 'id' is not an integer"):  # one integer among strings
        read_coco(save(changed(lambda t: (strings(t), t["images"][0].update(id=7)))))
