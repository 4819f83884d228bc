"""Label Studio: percent, rotation about a corner, several annotations, and names of uploads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codo.annotations.source import DataSettings, find_format
from tests.annotations.refusals import Refuses
from tests.label_formats.samples import boxes, image, read, save

UPLOAD = "/data/upload/3/1f2e3d4c-a.png"


def result(kind: str, label: str, size: tuple[int, int] = (100, 80), **value: Any) -> dict[str, Any]:
    return {
        "id": "x",
        "type": f"{kind}labels",
        "from_name": "label",
        "to_name": "image",
        "original_width": size[0],
        "original_height": size[1],
        "image_rotation": 0,
        "value": {**value, f"{kind}labels": [label]},
    }


RECTANGLE = result("rectangle", "cat", x=10, y=25, width=30, height=50, rotation=0)


def task(*results: dict[str, Any], name: str = UPLOAD, **more: Any) -> dict[str, Any]:
    annotation = {"id": 1, "completed_by": 1, "was_cancelled": False, "result": list(results)}
    return {"id": 17, "annotations": [annotation], "data": {"image": name}, "predictions": [], **more}


def write(folder: Path, *tasks: dict[str, Any], name: str = "project-1-at-2024.json") -> Path:
    save(folder / name, list(tasks))
    return folder


def test_percent_of_the_image(tmp_path: Path) -> None:
    image(tmp_path / "1f2e3d4c-a.png")
    points = [[50, 12.5], [90, 12.5], [90, 87.5]]
    found = read(write(tmp_path, task(RECTANGLE, result("polygon", "dog", points=points))))
    assert find_format(DataSettings(folder=str(tmp_path))) == "label_studio"
    assert boxes(found) == [("cat", 10, 20, 30, 40), ("dog", 50, 10, 40, 60)]
    assert found.segmentations[1] == [[50, 10, 90, 10, 90, 70]]
    assert found.file_names.tolist() == ["1f2e3d4c-a.png"]


def test_the_prefix_of_an_upload_is_dropped_where_the_image_has_none(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    found = read(write(tmp_path, task(RECTANGLE)))
    assert found.file_names.tolist() == ["images/a.png"]
    assert any(f"the first: '{UPLOAD}' is images/a.png" in note for note in found.notes)


def test_a_rotated_rectangle_turns_about_its_corner_in_pixels(tmp_path: Path) -> None:
    """Of 200 x 100 pixels; 40 x 10 at (100, 10), a quarter turn clockwise, reaches from x = 90 to 100, y = 10 to 50."""
    image(tmp_path / "a.png", 200, 100)
    turned = result("rectangle", "cat", (200, 100), x=50, y=10, width=20, height=10, rotation=90)
    ellipse = result("ellipse", "cat", (200, 100), x=50, y=50, radiusX=20, radiusY=10, rotation=90)
    found = read(write(tmp_path, task(turned, ellipse, name="s3://bucket/folder/a.png")))
    assert boxes(found) == [("cat", 90, 10, 10, 40), ("cat", 90, 10, 20, 80)]
    assert found.areas[0] == 400
    assert any("2 rectangles and ellipses are rotated" in note for note in found.notes)


def test_the_latest_annotation_that_is_not_canceled_counts(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    image(tmp_path / "b.png")
    other = result("rectangle", "dog", x=0, y=0, width=10, height=10)
    rows = [
        {"id": 1, "result": [other], "created_at": "2024-01-01T00:00:00Z"},
        {"id": 2, "result": [RECTANGLE], "created_at": "2024-01-02T00:00:00Z"},
        {"id": 3, "result": [other], "created_at": "2024-01-03T00:00:00Z", "was_cancelled": True},
    ]
    first = {"id": 1, "annotations": rows, "data": {"image": "a.png"}}
    skipped = {"id": 2, "annotations": [rows[2]], "data": {"image": "b.png"}}
    found = read(write(tmp_path, first, skipped))
    assert (boxes(found), len(found)) == ([("cat", 10, 20, 30, 40)], 1)
    told = " ".join(found.notes)
    assert "1 tasks have several annotations; the latest of each is read" in told
    assert "1 tasks without an annotation" in told


def test_labels_beside_shapes_and_several_labels(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    shape = {**RECTANGLE, "id": "r1", "type": "rectangle", "value": {"x": 10, "y": 25, "width": 30, "height": 50}}
    labels = {**RECTANGLE, "id": "r1", "type": "labels", "value": {**shape["value"], "labels": ["cat", "sleeping"]}}
    found = read(write(tmp_path, task(shape, labels, name="a.png")))
    assert boxes(found) == [("cat", 10, 20, 30, 40), ("sleeping", 10, 20, 30, 40)]
    assert any("1 results have several labels" in note for note in found.notes)


def test_brushes_and_key_points_are_told(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    brush = result("brush", "cat", format="rle", rle=[0, 1])
    choice = {"type": "choices", "value": {"choices": ["blurred"]}, "from_name": "quality"}
    found = read(write(tmp_path, task(RECTANGLE, brush, choice, name="a.png", predictions=[{"result": []}])))
    assert len(boxes(found)) == 1
    told = " ".join(found.notes)
    assert "1 results that are no boxes or polygons are left out (1 brush)" in told
    assert "1 tasks have predictions, which are not read" in told


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no label": (
        RECTANGLE | {"value": {"x": 1, "y": 2, "width": 3, "height": 4}},
        "1 result without a label: result 2",
    ),
    "no size": (
        {key: v for key, v in RECTANGLE.items() if key != "original_width"},
        "1 result without original_width and original_height: result 2",
    ),
    "turned": (RECTANGLE | {"image_rotation": 90}, "1 result that were drawn on an image turned in Label Studio"),
    "text": (
        result("rectangle", "cat", x="1", y=2, width=3, height=4),
        "1 result whose position cannot be read: result 2",
    ),
    "outside": (
        result("rectangle", "cat", x=90, y=2, width=30, height=4),
        "more than 2 pixels out of its image: result 2",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_results_are_named(name: str, tmp_path: Path, refuses: Refuses) -> None:
    wrong, what = WRONG[name]
    image(tmp_path / "a.png")
    image(tmp_path / "b.png")
    write(tmp_path, task(RECTANGLE, wrong, name="a.png"), task(name="b.png"))
    refuses(tmp_path, what, "project-1-at-2024.json", "data.split=0.5")


def test_images_of_another_size_are_refused(tmp_path: Path, refuses: Refuses) -> None:
    for name in ("a.png", "b.png"):
        image(tmp_path / name, 50, 40)
    write(tmp_path, task(RECTANGLE, name="a.png"), task(RECTANGLE, name="b.png"))
    refuses(tmp_path, "whose size differs from the annotations", "a.png", "data.split=0.5")


def test_tasks_to_be_imported_have_no_labels(tmp_path: Path, refuses: Refuses) -> None:
    """A near neighbor: the file that Label Studio imports."""
    image(tmp_path / "a.png")
    save(tmp_path / "tasks.json", [{"data": {"image": "a.png"}}])
    refuses(tmp_path, "a JSON list, as result files are, where a COCO annotation file", "tasks.json", "data.split=0.5")
