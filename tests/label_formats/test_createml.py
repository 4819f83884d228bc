"""CreateML: boxes around centers, and units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codo.annotations.source import DataSettings, find_format
from tests.annotations.refusals import Refuses
from tests.label_formats.samples import boxes, image, read, save


def row(name: str, *objects: dict[str, Any]) -> dict[str, Any]:
    return {"image": name, "annotations": list(objects)}


def box(label: str, x: float, y: float, width: float, height: float) -> dict[str, Any]:
    return {"label": label, "coordinates": {"x": x, "y": y, "width": width, "height": height}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Roboflow's layout."""
    for split, name in (("train", "a.png"), ("valid", "b.png")):
        image(tmp_path / split / name)
        save(
            tmp_path / split / "_annotations.createml.json",
            [row(name, box("cat", 25, 40, 30, 40), box("dog", 60.5, 20, 9, 10))],
        )
    return tmp_path


def test_x_and_y_are_the_center(folder: Path) -> None:
    assert find_format(DataSettings(folder=str(folder))) == "createml"
    for split, name in (("train", "a.png"), ("val", "b.png")):
        found = read(folder, split)
        assert found.file_names.tolist() == [name]
        assert boxes(found) == [("cat", 10, 20, 30, 40), ("dog", 56, 15, 9, 10)]
        assert found.sizes.tolist() == [[80, 100]]  # of the image: the format has none


def test_images_without_objects_at_the_start(tmp_path: Path) -> None:
    rows = [row(f"{i}.png") for i in range(3)] + [row("3.png", box("cat", 25, 40, 30, 40))]
    for one in rows:
        image(tmp_path / one["image"])
    save(tmp_path / "labels.json", rows)
    assert [len(boxes(read(tmp_path), i)) for i in range(4)] == [0, 0, 0, 1]


def test_shares_of_the_image_are_refused_with_the_setting(tmp_path: Path, refuses: Refuses) -> None:
    for name in ("a.png", "b.png"):
        image(tmp_path / name)
    save(tmp_path / "labels.json", [row(name, box("cat", 0.25, 0.5, 0.3, 0.5)) for name in ("a.png", "b.png")])
    refuses(tmp_path, "boxes are not x, y, width, height in pixels", "labels.json", "data.split=0.5")
    assert boxes(read(tmp_path, box_unit="relative"))[0] == ("cat", 10, 20, 30, 40)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no label": ({**box("", 1, 2, 3, 4)}, "1 annotation without a label: annotation 2 of labels.json (of a.png)"),
    "three": (
        {"label": "cat", "coordinates": {"x": 1, "y": 2, "width": 3}},
        "1 annotation whose coordinates are not four numbers: annotation 2 of labels.json",
    ),
    "outside": (
        box("cat", 90, 40, 40, 10),
        "more than 2 pixels out of its image: annotation 2 of image 1 of labels.json",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_annotations_are_named(name: str, tmp_path: Path, refuses: Refuses) -> None:
    wrong, what = WRONG[name]
    for one in ("a.png", "b.png"):
        image(tmp_path / one)
    save(tmp_path / "labels.json", [row("a.png", box("cat", 25, 40, 30, 40), wrong), row("b.png")])
    refuses(tmp_path, what, "labels.json", "data.split=0.5")


def test_results_in_a_list_are_not_createml(tmp_path: Path, refuses: Refuses) -> None:
    """A near neighbor: detections in COCO's result format are a list, too."""
    image(tmp_path / "a.png")
    save(tmp_path / "results.json", [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}])
    refuses(tmp_path, "a JSON list, as result files are", "results.json", "data.split=0.5")
