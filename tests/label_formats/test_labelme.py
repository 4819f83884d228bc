"""labelme: boxes, masks and groups against values by hand."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from codo.annotations.source import DataSettings, find_format
from codo.core.errors import InputError
from tests.annotations.refusals import Refuses
from tests.label_formats.samples import boxes, image, read, save


def shape(label: str, kind: str, points: list[list[float]], **more: Any) -> dict[str, Any]:
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}, **more}


def labels(name: str, *shapes: dict[str, Any], **more: Any) -> dict[str, Any]:
    head = {"version": "5.5.0", "flags": {}, "shapes": list(shapes), "imagePath": name, "imageData": None}
    return {**head, "imageHeight": 80, "imageWidth": 100, **more}


RECTANGLE = shape("cat", "rectangle", [[40, 60], [10, 20]])  # drawn from the lower right


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images with a file each, one without, and one file of no image."""
    image(tmp_path / "a.png")
    image(tmp_path / "b.png")
    image(tmp_path / "unlabeled.png")
    save(tmp_path / "a.json", labels("a.png", RECTANGLE, shape("dog", "polygon", [[50, 10], [90, 10], [90, 70]])))
    save(tmp_path / "b.json", labels("b.png"))
    return tmp_path


def test_corners_in_any_order_and_polygons(folder: Path) -> None:
    found = read(folder)
    assert find_format(DataSettings(folder=str(folder))) == "labelme"
    assert found.file_names.tolist() == ["a.png", "b.png"]
    assert [c.name for c in found.categories] == ["cat", "dog"]
    assert boxes(found) == [("cat", 10, 20, 30, 40), ("dog", 50, 10, 40, 60)]
    assert found.areas.tolist() == [1200, 1200]  # the triangle is half of 40 x 60
    assert found.segmentations[1] == [[50, 10, 90, 10, 90, 70]]
    assert any("1 images without a JSON file are left out, the first: unlabeled.png" in note for note in found.notes)


def test_a_circle_is_given_by_its_center_and_a_point(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    circles = [shape("x", "circle", [[50, 40], [53, 44]]), shape("x", "circle", [[95, 40], [95, 50]])]
    save(tmp_path / "a.json", labels("a.png", *circles))
    found = read(tmp_path)
    assert boxes(found) == [("x", 45, 35, 10, 10), ("x", 85, 30, 15, 20)]  # the second is cut at the border
    assert found.areas[0] == pytest.approx(np.pi * 25, rel=2e-3)


def test_a_mask_lies_between_two_pixels_that_it_contains(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    pixels = np.zeros((5, 6), np.uint8)
    pixels[1:4, 2:6] = 255
    png = base64.b64encode(cv2.imencode(".png", pixels)[1].tobytes()).decode()
    save(tmp_path / "a.json", labels("a.png", shape("x", "mask", [[20, 30], [25, 34]], mask=png)))
    found = read(tmp_path)
    assert boxes(found) == [("x", 22, 31, 4, 3)]
    assert found.areas.tolist() == [12]


def test_shapes_of_one_label_and_group_are_one_object(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    parts = [
        shape("cat", "polygon", [[10, 10], [20, 10], [20, 20]], group_id=1),
        shape("cat", "rectangle", [[30, 30], [40, 50]], group_id=1),
        shape("dog", "rectangle", [[50, 50], [60, 60]], group_id=1),
        shape("cat", "rectangle", [[70, 50], [80, 60]]),
    ]
    save(tmp_path / "a.json", labels("a.png", *parts))
    found = read(tmp_path)
    assert boxes(found) == [("cat", 10, 10, 30, 40), ("dog", 50, 50, 10, 10), ("cat", 70, 50, 10, 10)]
    assert found.areas.tolist() == [50 + 200, 100, 100]
    assert any("1 shapes fewer" in note for note in found.notes)


def test_what_has_no_area_is_told(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    lines = [shape("x", "point", [[1, 2]]), shape("x", "line", [[1, 2], [3, 4]]), shape("x", "point", [[5, 2]])]
    save(tmp_path / "a.json", labels("a.png", *lines, shape("__ignore__", "rectangle", [[1, 1], [5, 5]]), RECTANGLE))
    found = read(tmp_path)
    assert boxes(found) == [("cat", 10, 20, 30, 40)]
    told = " ".join(found.notes)
    assert "3 shapes without an area are left out (2 point, 1 line)" in told
    assert "left out (1 __ignore__)" in told


def test_the_image_is_beside_the_file_where_its_path_is_of_another_machine(tmp_path: Path) -> None:
    image(tmp_path / "train" / "a.png")
    image(tmp_path / "val" / "images" / "b.png")
    save(tmp_path / "train" / "a.json", labels("C:\\photos\\old name.png", RECTANGLE))
    save(tmp_path / "val" / "annotations" / "b.json", labels("..\\images\\b.png", RECTANGLE))
    assert read(tmp_path).file_names.tolist() == ["a.png"]
    assert any("as imagePath is not there" in note for note in read(tmp_path).notes)
    assert read(tmp_path, "val").file_names.tolist() == ["images/b.png"]


def test_sizes_may_be_missing(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    save(tmp_path / "a.json", labels("a.png", RECTANGLE, imageHeight=None, imageWidth=None))
    assert read(tmp_path).sizes.tolist() == [[80, 100]]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "one point": (shape("cat", "rectangle", [[1, 2]]), "1 shape with too few or too many points: shape 2 of a.json"),
    "text": (shape("cat", "rectangle", [["1", 2], [3, 4]]), "1 shape whose points are not pairs of numbers: shape 2"),
    "no label": (shape("", "rectangle", [[1, 2], [3, 4]]), "1 shape without a label: shape 2 of a.json"),
    "a new type": (shape("cat", "spiral", [[1, 2], [3, 4]]), "1 shape of an unknown shape_type: shape 2 of a.json"),
    "outside": (
        shape("cat", "rectangle", [[1, 2], [203, 40]]),
        "1 shape with a box that reaches more than 2 pixels out of its image: shape 2 of a.json",
    ),
    "a circle elsewhere": (shape("cat", "circle", [[300, 40], [300, 50]]), "1 shape outside of its image: shape 2"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_shapes_are_named(name: str, folder: Path, refuses: Refuses) -> None:
    wrong, what = WRONG[name]
    save(folder / "a.json", labels("a.png", RECTANGLE, wrong))
    refuses(folder, what, str(folder / "a.json"), "data.split=0.5")


def test_a_broken_file_is_named(folder: Path, refuses: Refuses) -> None:
    (folder / "b.json").write_text('{"shapes": [')
    refuses(folder, "broken JSON", str(folder / "b.json"), "data.split=0.5")


def test_other_json_files_in_the_folder_are_no_labels(folder: Path) -> None:
    """A near neighbor: metadata of a tool beside the files of labelme."""
    save(folder / "c.json", {"camera": "left", "shape": [80, 100]})
    found = read(folder)
    assert len(found) == 2
    assert any("1 JSON files are not of labelme, the first: c.json" in note for note in found.notes)


def test_images_that_are_not_there(folder: Path, refuses: Refuses) -> None:
    (folder / "b.png").unlink()
    refuses(folder, "1 of 2 images missing", str(folder), "data.split=0.5")
    found = read(folder, missing="skip")
    assert (found.file_names.tolist(), found.missing) == (["a.png"], ("b.png",))


def test_an_image_of_another_split_is_never_taken(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for name in ("a", "b"):
            image(tmp_path / split / f"{name}.png")
            save(tmp_path / split / f"{name}.json", labels(f"{name}.png", RECTANGLE))
    (tmp_path / "train" / "b.png").unlink()
    found = read(tmp_path, missing="skip")
    assert ([str(found.path(i)) for i in range(len(found))], found.missing) == (
        [str(tmp_path / "train" / "a.png")],
        ("b.png",),
    )
    (tmp_path / "train" / "a.png").unlink()
    with pytest.raises(InputError, match="2 of 2 images missing"):
        read(tmp_path)
    with pytest.raises(InputError, match="none of 2 images is there"):
        read(tmp_path, missing="skip")
