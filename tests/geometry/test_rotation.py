"""Rotated rectangles of CVAT, in COCO and VOC, against extents by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codo.annotations.coco.read import read_coco
from codo.annotations.source import read_annotations
from codo.core.errors import InputError
from codo.layouts.entries import FileEntries
from tests.annotations.layouts import settings
from tests.annotations.refusals import Refuses, Spoil


def coco_file(folder: Path, *annotations: dict[str, Any]) -> Path:
    """A COCO file with one image of 100 x 80 pixels."""
    rows = [{"id": i, "image_id": 1, "category_id": 1, **one} for i, one in enumerate(annotations, start=1)]
    images = [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}]
    path = folder / "a.json"
    path.write_text(json.dumps({"images": images, "categories": [{"id": 1, "name": "cat"}], "annotations": rows}))
    return path


def turned(angle: Any, box: tuple[float, ...] = (40, 30, 20, 10)) -> list[float]:
    entries = FileEntries("object", [Path("a.xml")], [1])
    given = {} if angle is None else {0: angle}
    bbox, _ = entries.turned_boxes(np.array([box], dtype=np.float64), np.array([[80, 100]], np.int32), given, "a")
    return bbox[0].tolist()


def test_extents_by_hand() -> None:
    assert turned(90) == [45, 25, 10, 20]
    assert turned("90.0") == turned(-90) == turned(270) == turned(450) == [45, 25, 10, 20]
    assert turned(0) == turned(None) == turned("0.0") == turned(360) == [40, 30, 20, 10]
    assert turned(180) == [40, 30, 20, 10]
    side = 15 * np.sqrt(2)  # (20 + 10) / sqrt 2
    np.testing.assert_allclose(turned(45), [50 - side / 2, 35 - side / 2, side, side], atol=1e-4)
    np.testing.assert_allclose(turned(30)[2:], [20 * np.sqrt(0.75) + 5, 10 + 10 * np.sqrt(0.75)], atol=2e-4)


def test_an_extent_that_leaves_the_image_is_clipped() -> None:
    assert turned(90, (0, 0, 60, 10)) == [25, 0, 10, 35]


@pytest.mark.parametrize("angle", ["left", float("nan"), "inf", True, [30]])
def test_a_rotation_that_is_no_number(angle: Any) -> None:
    with pytest.raises(InputError, match=r"1 object whose rotation is not a number: object 1 of a\.xml \(rotation "):
        turned(angle)


def test_coco_of_cvat(tmp_path: Path) -> None:
    """Rotated, not rotated, with an outline of its own, with the rectangle as outline."""
    box, rotation = [40, 30, 20, 10], {"attributes": {"occluded": False, "rotation": 90.0}}
    own = [[45, 25, 55, 25, 50, 45]]
    rectangle = [[40, 30, 60, 30, 60, 40, 40, 40]]
    read = read_coco(
        coco_file(
            tmp_path,
            {"bbox": box, "area": 200, "segmentation": [], **rotation},
            {"bbox": box, "attributes": {"rotation": 0.0}},
            {"bbox": [45, 25, 10, 20], "segmentation": own, **rotation},
            {"bbox": box, "segmentation": rectangle, **rotation},
            {"bbox": box, **rotation},
        )
    )
    assert read.bbox.tolist() == [[45, 25, 10, 20], box, [45, 25, 10, 20], [45, 25, 10, 20], [45, 25, 10, 20]]
    assert read.areas.tolist() == [200] * 5  # of the rectangle, not of its extent
    assert read.segmentations[2] == own
    assert read.segmentations[3] == [[55, 25, 55, 45, 45, 45, 45, 25]]
    assert [note for note in read.notes if "3 rectangles have a rotation" in note]


def test_the_command_line_names_the_annotation(spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("coco")
    file = data / "annotations/instances_train.json"
    truth = json.loads(file.read_text())
    truth["annotations"][1] |= {"attributes": {"rotation": "left"}, "segmentation": []}
    file.write_text(json.dumps(truth))
    refuses(data, "1 annotation whose rotation is not a number: annotation 2 (rotation left)", file.name)


@pytest.fixture
def with_rotation(spoil: Spoil) -> Callable[[str], Path]:
    """VOC, with an attribute of the first object of the second train file."""

    def change(value: str) -> Path:
        data = spoil("voc")
        file = data / "VOC2007/Annotations/train_001.xml"
        attributes = f"<attributes><attribute><name>rotation</name><value>{value}</value></attribute></attributes>"
        file.write_text(file.read_text().replace("</bndbox>", f"</bndbox>{attributes}", 1))
        return data

    return change


def test_voc_of_cvat(with_rotation: Callable[[str], Path], right: dict[str, Path]) -> None:
    before = read_annotations(settings(right["voc"]), "train")
    after = read_annotations(settings(with_rotation("90.0")), "train")
    x, y, w, h = before.bbox[2]
    assert after.bbox[2].tolist() == [x + w / 2 - h / 2, y + h / 2 - w / 2, h, w]
    np.testing.assert_array_equal(np.delete(after.bbox, 2, 0), np.delete(before.bbox, 2, 0))
    assert "1 rectangles have a rotation" in after.notes[-1]
    assert before.notes == ()


def test_a_wrong_rotation_in_voc(with_rotation: Callable[[str], Path], refuses: Refuses) -> None:
    what = "1 object whose rotation is not a number: object 1 of train_001.xml (rotation left)"
    refuses(with_rotation("left"), what, "train_001.xml")
