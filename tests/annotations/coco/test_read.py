"""Annotation files: what is read, and what each kind of mistake is told."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codo.annotations.coco.read import read_coco
from codo.core.errors import InputError
from tests.annotations.refusals import Refuses, Spoil, each

TRUTH: dict[str, Any] = {
    "images": [
        {"id": 30, "file_name": "a.jpg", "height": 80, "width": 100},
        {"id": 4, "file_name": "b.jpg", "height": 50, "width": 60},
        {"id": 9, "file_name": "c.jpg", "height": 50, "width": 60},
    ],
    "categories": [{"id": 90, "name": "zebra"}, {"id": 2, "name": "ant"}],
    "annotations": [
        {"id": 7, "image_id": 4, "category_id": 90, "bbox": [1, 2, 30, 40], "area": 600,
         "segmentation": [[1, 2, 31, 2, 31, 42]]},
        {"id": 5, "image_id": 30, "category_id": 2, "bbox": [10.5, 20, 30, 40], "iscrowd": 1,
         "segmentation": {"size": [80, 100], "counts": [0, 8000]}},
        {"id": 6, "image_id": 4, "category_id": 2, "bbox": [58, 48, 3, 3], "segmentation": [[0, 0, 5, 0, 5, 5]]},
    ],
}  # fmt: skip


@pytest.fixture
def save(tmp_path: Path) -> Callable[[Any], Path]:
    def write(values: Any) -> Path:
        path = tmp_path / "truth.json"
        path.write_text(values if isinstance(values, str) else json.dumps(values))
        return path

    return write


def changed(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    truth = copy.deepcopy(TRUTH)
    change(truth)
    return truth


def test_reads_objects_sorted_by_image_with_contiguous_labels(save: Callable[[Any], Path]) -> None:
    read = read_coco(save(TRUTH))
    assert read.image_ids.tolist() == [30, 4, 9]
    assert [tuple(c) for c in read.categories] == [(2, "ant"), (90, "zebra")]
    assert read.offsets.tolist() == [0, 1, 3, 3]
    assert read.object_ids.tolist() == [5, 7, 6]
    assert read.labels.tolist() == [1, 2, 1]
    assert read.crowd.tolist() == [True, False, False]
    assert read.areas.tolist() == [1200, 600, 9]  # left out: that of the box
    assert read.has_masks
    assert read.learnable(0).tolist() == []  # a crowd region
    assert read.learnable(1).tolist() == [1, 2]
    np.testing.assert_array_equal(read.boxes(np.array([1, 2]), 1), [[1, 2, 31, 42], [58, 48, 60, 50]])  # clipped


def test_ground_truth_survives_the_round_trip(save: Callable[[Any], Path]) -> None:
    truth = read_coco(save(TRUTH)).to_coco()
    assert [a["id"] for a in truth["annotations"]] == [1, 2, 3]  # 0 would count as unmatched in COCO's evaluation
    for written in truth["annotations"]:
        original = next(a for a in TRUTH["annotations"] if a["bbox"] == written["bbox"])
        assert written["image_id"] == original["image_id"]
        assert written["category_id"] == original["category_id"]
        assert written["segmentation"] == original["segmentation"]
        assert written["iscrowd"] == original.get("iscrowd", 0)


def annotate(i: int, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda truth: truth["annotations"][i].update(values)


def image(i: int, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda truth: truth["images"][i].update(values)


MISTAKES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "duplicate annotation id": (
        annotate(2, id=7),
        "1 annotation id is used more than once; the first: annotation id 7",
    ),
    "duplicate image id": (image(2, id=30), "1 image id is used more than once; the first: image id 30"),
    "duplicate category id": (lambda t: t["categories"][1].update(id=90), "category id 90"),
    "unknown image": (
        annotate(1, image_id=77),
        "1 annotation whose image_id is not among the images: annotation 5 (image_id 77)",
    ),
    "unknown category": (annotate(1, category_id=1), "annotation 5 (category_id 1)"),
    "corners instead of sizes": (
        annotate(0, bbox=[30, 20, 40, 45]),
        "1 annotation with a box that reaches more than 2 pixels out of its image: "
        "annotation 7 (bbox [30.0, 20.0, 40.0, 45.0] in 60 x 50)",
    ),
    "left of the image": (annotate(0, bbox=[-3, 2, 30, 40]), "annotation 7 (bbox [-3.0, 2.0, 30.0, 40.0] in 60 x 50)"),
    "negative size": (annotate(2, bbox=[30, 20, -4, 5]), "1 annotation with a box of negative size: annotation 6"),
    "two negative sizes": (
        lambda t: [a.update(bbox=[30, 20, -4, 5]) for a in t["annotations"][1:]],
        "2 annotations with a box of negative size; the first: annotation 5 (bbox [30.0, 20.0, -4.0, 5.0])",
    ),
    "three numbers": (annotate(0, bbox=[1, 2, 3]), "annotation 7 (bbox [1, 2, 3])"),
    "strings in a box": (annotate(0, bbox=["1", "2", "3", "4"]), "annotation 7 (bbox ['1', '2', '3', '4'])"),
    "not finite": (annotate(0, bbox=[1, 2, float("nan"), 4]), "where 'bbox' is not finite: annotation 7"),
    "string for an id": (
        annotate(1, image_id="30"),
        "1 annotation where 'image_id' is not an integer: annotation 5 (image_id '30')",
    ),
    "true is no id": (annotate(0, id=True), "annotation number 1 (id True)"),
    "negative id": (image(0, id=-1), "image number 1 (id -1)"),
    "huge id": (image(0, id=2**64), "not an integer from 0 to 2^63 - 1"),
    "string for a size": (image(1, width="60"), "1 image where 'width' is not an integer: image 4 (width '60')"),
    "size of zero": (image(1, width=0), "1 image with an impossible size: image 4 (height 50, width 0)"),
    "no file name": (
        lambda t: t["images"][0].pop("file_name"),
        "1 image where 'file_name' is not a string: image 30 (file_name missing)",
    ),
    "empty name": (lambda t: t["categories"][0].update(name=""), "category 90"),
    "crowd of 2": (annotate(0, iscrowd=2), "1 annotation where 'iscrowd' is not 0 or 1: annotation 7"),
    "infinite area": (annotate(0, area=float("inf")), "where 'area' is not finite: annotation 7"),
    "odd polygon": (
        annotate(0, segmentation=[[1, 2, 3]]),
        "annotation 7 (a polygon has 3 numbers, which is not x, y pairs)",
    ),
    "polygon of strings": (annotate(0, segmentation=[["1", "2"]]), "annotation 7 (a polygon holds something other"),
    "flat polygon": (annotate(0, segmentation=[1, 2, 3, 4]), "annotation 7 (a polygon is not a list of numbers)"),
    "RLE of another size": (
        annotate(0, segmentation={"size": [60, 50], "counts": [0, 3000]}),
        "annotation 7 (RLE of size [60, 50] in an image of height 50, width 60)",
    ),
    "RLE too short": (
        annotate(0, segmentation={"size": [50, 60], "counts": [0, 2999]}),
        "add up to 2999, not to the 3000 pixels",
    ),
    "RLE nonsense": (
        annotate(0, segmentation={"size": [50, 60], "counts": "Qw"}),
        "annotation 7 (RLE counts add up to",
    ),
    "segmentation of no kind": (annotate(0, segmentation=3), "annotation 7 (neither polygons nor RLE)"),
    "row of no kind": (lambda t: t["annotations"].append(3), "annotation number 4"),
    "annotations missing": (lambda t: t.pop("annotations"), "'annotations' is missing or not a list"),
    "no images": (lambda t: t["images"].clear(), "the annotation file has no images"),
    "no categories": (lambda t: t["categories"].clear(), "the annotation file has no categories"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_first_entry_and_count(name: str, save: Callable[[Any], Path]) -> None:
    change, message = MISTAKES[name]
    path = save(changed(change))
    with pytest.raises(InputError) as caught:
        read_coco(path)
    assert message in caught.value.what
    assert len(caught.value.lines()) == 3
    assert str(path) in caught.value.where


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"images": [', "broken JSON: Expecting value at line 1, column 13"),
        ("[]", "result files"),
        ("3", "not a COCO annotation file"),
        (b"\x80\x81", "not a JSON text file"),
    ],
)
def test_what_is_no_annotation_file_is_refused(text: str | bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "truth.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=message):
        read_coco(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_coco(tmp_path / "none.json")


def test_boxes_that_overshoot_by_rounding_are_clipped_for_training_only(save: Callable[[Any], Path]) -> None:
    read = read_coco(save(changed(annotate(0, bbox=[0, 10, 61.5, 42]))))
    np.testing.assert_array_equal(read.boxes(read.learnable(1)[:1], 1), [[0, 10, 60, 50]])
    assert read.bbox[1].tolist() == [0, 10, 61.5, 42]


def test_boxes_of_no_size_are_reported_and_not_trained_on(save: Callable[[Any], Path]) -> None:
    read = read_coco(save(changed(annotate(0, bbox=[5, 5, 0, 9]))))
    assert read.learnable(1).tolist() == [2]
    assert len(read.to_coco()["annotations"]) == 3
    assert "1 annotation with a box of zero size: annotation 7" in read.warnings[0]


def test_classes_without_objects_stay_and_are_reported(save: Callable[[Any], Path]) -> None:
    def parents(truth: dict[str, Any]) -> None:
        truth["categories"].insert(0, {"id": 0, "name": "animals", "supercategory": "none"})
        for category in truth["categories"][1:]:
            category["supercategory"] = "animals"

    read = read_coco(save(changed(parents)))
    assert [c.id for c in read.categories] == [0, 2, 90]
    assert read.labels.tolist() == [2, 3, 2]  # labels follow the ids, with or without objects
    assert read.parents == (0,)
    assert read.warnings == ()
    assert sorted(a["category_id"] for a in read.to_coco()["annotations"]) == [2, 2, 90]


def test_two_point_polygons_are_dropped_not_read_as_boxes(save: Callable[[Any], Path]) -> None:
    good = [1, 2, 31, 2, 31, 42]
    read = read_coco(save(changed(annotate(0, segmentation=[[1, 2, 3, 4], good]))))
    assert read.segmentations[1] == [good]
    read = read_coco(save(changed(annotate(0, segmentation=[[1, 2, 3, 4]]))))
    assert read.segmentations[1] is None
    assert not read.has_masks


OTHER_SIZE = {"size": [32, 48], "counts": [0, 32 * 48]}

WRONG_FILES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "duplicate ids": (
        lambda t: each(t["annotations"][3:5], id=2),
        "1 annotation id is used more than once; the first: annotation id 2",
    ),
    "duplicate image ids": (
        lambda t: each(t["images"][1:], id=10),
        "1 image id is used more than once; the first: image id 10",
    ),
    "category gaps": (
        lambda t: each(t["annotations"][1:4], category_id=5),
        "3 annotations whose category_id is not among the categories; the first: annotation 2 (category_id 5)",
    ),
    "boxes outside the image": (
        lambda t: each(t["annotations"][2:4], bbox=[90, 10, 20, 20]),
        "2 annotations with a box that reaches more than 2 pixels out of its image; the first: annotation 3 "
        "(bbox [90.0, 10.0, 20.0, 20.0] in 96 x 64)",
    ),
    "negative sizes": (
        lambda t: each(t["annotations"][5:], bbox=[30, 20, -4, 5]),
        "3 annotations with a box of negative size; the first: annotation 6 (bbox [30.0, 20.0, -4.0, 5.0])",
    ),
    "empty segmentation": (
        lambda t: each(t["annotations"][4:6], segmentation=[]),
        "2 of 8 annotations have an empty segmentation; the first: annotation 5 of 002.png",
    ),
    "RLE of another size": (
        lambda t: each(t["annotations"][6:], segmentation=OTHER_SIZE),
        "2 annotations with a wrong segmentation; the first: annotation 7 "
        "(RLE of size [32, 48] in an image of height 64, width 96)",
    ),
    "strings for numbers": (
        lambda t: each(t["annotations"][1:3], bbox=["1", "2", "3", "4"]),
        "2 annotations where 'bbox' is not four numbers; the first: annotation 2 (bbox ['1', '2', '3', '4'])",
    ),
    "negative areas": (
        lambda t: each(t["annotations"][1:3], area=-4),
        "2 annotations where 'area' is negative; the first: annotation 2 (area -4)",
    ),
    "an image listed twice": (
        lambda t: each(t["images"][2:], file_name="000.png"),
        "2 images with the same file_name as another; the first: image 20 (000.png)",
    ),
    "two categories of one name": (
        lambda t: each(t["categories"], name="box"),
        "1 name used by more than one class; the first: 'box' (ids 3, 8)",
    ),
    "strings for ids": (
        lambda t: each(t["annotations"][1:3], image_id="10"),
        "2 annotations where 'image_id' is not an integer; the first: annotation 2 (image_id '10')",
    ),
}


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("name", WRONG_FILES)
def test_the_command_line_names_the_first_wrong_entry_and_writes_nothing(
    name: str, split: str, spoil: Spoil, refuses: Refuses
) -> None:
    change, what = WRONG_FILES[name]
    data = spoil("coco")
    file = data / "annotations" / f"instances_{split}.json"
    truth = json.loads(file.read_text())
    change(truth)
    file.write_text(json.dumps(truth))
    refuses(data, what, str(file))


def test_coco_broken_json(spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("coco")
    file = data / "annotations" / "instances_val.json"
    file.write_text(file.read_text()[:200])
    refuses(data, "broken JSON: ", str(file))
    refuses(data, "at line 1, column 2", str(file))


def test_a_file_of_lvis_names_its_images_by_url(save: Callable[[Any], Path]) -> None:
    truth = changed(lambda t: t["images"][1].update(coco_url="http://images.cocodataset.org/val2017/b.jpg"))
    del truth["images"][1]["file_name"]
    assert read_coco(save(truth)).file_names.tolist() == ["a.jpg", "val2017/b.jpg", "c.jpg"]
