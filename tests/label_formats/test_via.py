"""VIA: shapes, classes from attributes, and the layouts of its files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from codo.annotations.source import DataSettings, find_format, read_annotations, resolved
from codo.core.errors import InputError
from tests.annotations.refusals import Refuses
from tests.label_formats.samples import boxes, image, read, save

RECT = {"name": "rect", "x": 10, "y": 20, "width": 30, "height": 40}


def region(shape: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    return {"shape_attributes": shape, "region_attributes": attributes}


def entry(name: str, *regions: dict[str, Any]) -> dict[str, Any]:
    return {f"{name}123": {"filename": name, "size": 123, "regions": list(regions), "file_attributes": {}}}


def write(folder: Path, values: dict[str, Any], name: str = "via_export_json.json") -> Path:
    """A file with its images beside it."""
    for one in values.get("_via_img_metadata", values).values():
        image(folder / one["filename"])
    save(folder / name, values)
    return folder


def test_every_shape(tmp_path: Path) -> None:
    shapes = [
        RECT,
        {"name": "polygon", "all_points_x": [50, 90, 90], "all_points_y": [10, 10, 70]},
        {"name": "circle", "cx": 50, "cy": 40, "r": 7.5},
        {"name": "ellipse", "cx": 50, "cy": 40, "rx": 20, "ry": 10, "theta": math.pi / 2},  # stands upright
        {"name": "point", "cx": 1, "cy": 2},
        {"name": "polyline", "all_points_x": [1, 2], "all_points_y": [3, 4]},
    ]
    found = read(write(tmp_path, entry("a.png", *(region(one, type="cat") for one in shapes))))
    assert boxes(found) == [
        ("cat", 10, 20, 30, 40),
        ("cat", 50, 10, 40, 60),
        ("cat", 42.5, 32.5, 15, 15),
        ("cat", 40, 20, 20, 40),
    ]
    assert found.areas[3] == pytest.approx(math.pi * 200, rel=2e-3)
    told = " ".join(found.notes)
    assert "2 regions without an area are left out (1 point, 1 polyline)" in told
    assert "the class of a region is its attribute 'type'" in told


def test_a_project_and_regions_as_version_1_writes_them(tmp_path: Path) -> None:
    images = entry("a.png", region(RECT, name="cat")) | entry("b.png")
    images["a.png123"]["regions"] = {"0": images["a.png123"]["regions"][0]}
    project = {"_via_settings": {"ui": {}}, "_via_img_metadata": images, "_via_attributes": {"region": {}}}
    found = read(write(tmp_path, project))
    assert (boxes(found), len(found)) == ([("cat", 10, 20, 30, 40)], 2)


def test_a_check_box_with_one_option_is_the_class(tmp_path: Path) -> None:
    found = read(write(tmp_path, entry("a.png", region(RECT, kind={"cat": True, "dog": False}))))
    assert boxes(found)[0][0] == "cat"


def test_regions_without_attributes_are_one_class(tmp_path: Path) -> None:
    found = read(write(tmp_path, entry("a.png", region(RECT))))
    assert boxes(found)[0][0] == "object"
    assert any("so all are of one class, 'object'" in note for note in found.notes)


def test_several_attributes_are_asked_about(tmp_path: Path, refuses: Refuses) -> None:
    regions = [region(RECT, species="cat", occluded="no"), region(RECT, species="dog", occluded="")]
    write(tmp_path, entry("a.png", *regions) | entry("b.png"))
    what = (
        "regions have 2 attributes, any of which may be the class: species (2 of 2 regions), occluded (1 of 2 regions)"
    )
    refuses(tmp_path, what, "via_export_json.json", "data.split=0.5")
    assert [box[0] for box in boxes(read(tmp_path, class_attribute="species"))] == ["cat", "dog"]
    with pytest.raises(InputError, match="no region has the attribute 'specie'") as caught:
        read(tmp_path, class_attribute="specie")
    assert caught.value.fix == "did you mean 'species'?"


def test_a_file_per_split_beside_its_images(tmp_path: Path) -> None:
    """The layout of the balloon data set."""
    write(tmp_path / "train", entry("a.png", region(RECT, name="dog")), "via_region_data.json")
    write(tmp_path / "val", entry("b.png", region(RECT, name="cat")), "via_region_data.json")
    data = DataSettings(folder=str(tmp_path))
    assert find_format(data) == "via"
    train, val = (read_annotations(data, split) for split in ("train", "val"))
    assert boxes(train), boxes(val) == ([("dog", 10, 20, 30, 40)], [("cat", 10, 20, 30, 40)])
    assert train.categories == val.categories  # of both files
    explicit = resolved(data, train, val)
    assert (explicit.format, explicit.train_split, explicit.val_split) == ("via", "train", "val")
    assert read_annotations(explicit, "val").file_names.tolist() == ["b.png"]


def test_files_may_be_given_one_by_one(tmp_path: Path) -> None:
    files = [write(tmp_path / name, entry(f"{name}.png", region(RECT, name=name))) for name in ("one", "two")]
    paths = [str(folder / "via_export_json.json") for folder in files]
    data = DataSettings(train=paths[0], val=paths[1])
    assert find_format(data) == "via"
    read_both = [read_annotations(data, split) for split in ("train", "val")]
    assert [[c.name for c in one.categories] for one in read_both] == [["one", "two"]] * 2
    explicit = resolved(data, *read_both)
    assert (explicit.train, explicit.val_images) == (paths[0], str(files[1]))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no class": (
        region(RECT),
        "1 region without a single value of 'name': region 2 of via_export_json.json (in a.png)",
    ),
    "text": (region(RECT | {"x": "10"}, name="cat"), "1 region whose shape cannot be read: region 2"),
    "two points": (
        region({"name": "polygon", "all_points_x": [1, 2], "all_points_y": [1, 2]}, name="cat"),
        "1 region whose shape cannot be read: region 2",
    ),
    "outside": (
        region(RECT | {"x": 99}, name="cat"),
        "with a box that reaches more than 2 pixels out of its image: region 2",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_regions_are_named(name: str, tmp_path: Path, refuses: Refuses) -> None:
    wrong, what = WRONG[name]
    write(tmp_path, entry("a.png", region(RECT, name="cat"), wrong) | entry("b.png"))
    refuses(tmp_path, what, "via_export_json.json", "data.split=0.5")


def test_version_3_is_named(tmp_path: Path, refuses: Refuses) -> None:
    project = {"project": {"pid": 1}, "config": {}, "attribute": {}, "file": {}, "metadata": {}, "view": {}}
    save(tmp_path / "via.json", project)
    refuses(tmp_path, "a project of VIA 3, which is not read", "via.json", "data.split=0.5")


def test_coco_exported_by_via_is_coco(tmp_path: Path) -> None:
    """A near neighbor: the same tool writes COCO, with the same file names."""
    image(tmp_path / "a.png")
    truth = {
        "info": {"description": "VIA"},
        "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 80}],
        "annotations": [{"id": 1, "image_id": "1", "category_id": 1, "bbox": [1, 2, 3, 4], "segmentation": []}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    truth["annotations"][0]["image_id"] = 1
    save(tmp_path / "via_export_coco.json", truth)
    assert find_format(DataSettings(folder=str(tmp_path))) == "coco"
    assert boxes(read(tmp_path)) == [("cat", 1, 2, 3, 4)]
