"""LVIS and Objects365: COCO files with fields of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codo.annotations.source import DataSettings, find_format
from codo.label_formats.coco_dialects import dialect_notes
from tests.label_formats.samples import boxes, image, read, save

OBJECT = {"id": 1, "image_id": 391895, "category_id": 3, "bbox": [10, 20, 30, 40], "area": 1200}
CATEGORIES = [{"id": 3, "name": "cat", "synset": "cat.n.01", "frequency": "f"}, {"id": 5, "name": "dog"}]


def test_lvis_has_urls_instead_of_names(tmp_path: Path) -> None:
    """The images of both splits are those of COCO, in two folders."""
    for split, folder in (("train", "train2017"), ("val", "val2017")):
        image(tmp_path / folder / "000000391895.jpg")
        entry = {
            "id": 391895,
            "coco_url": f"http://images.cocodataset.org/{folder}/000000391895.jpg",
            "height": 80,
            "width": 100,
            "neg_category_ids": [5],
            "not_exhaustive_category_ids": [3],
        }
        outlined = OBJECT | {"segmentation": [[10, 20, 40, 20, 40, 60, 10, 60]]}
        truth = {"images": [entry], "annotations": [outlined], "categories": CATEGORIES}
        save(tmp_path / "annotations" / f"lvis_v1_{split}.json", truth)
    assert find_format(DataSettings(folder=str(tmp_path))) == "coco"
    for split, name in (("train", "train2017/000000391895.jpg"), ("val", "val2017/000000391895.jpg")):
        found = read(tmp_path, split)
        assert (str(found.path(0)), boxes(found)) == (str(tmp_path / name), [("cat", 10, 20, 30, 40)])
        assert any("LVIS: images are labeled for some classes only" in note for note in found.notes)
        assert any("not_exhaustive_category_ids of 1 images" in note for note in found.notes)


def test_objects365_has_depictions(tmp_path: Path) -> None:
    """Names have the folders of the download, which often are not those on disk."""
    for split in ("train", "val"):
        image(tmp_path / split / "patch0" / f"objects365_v2_{split}.jpg")
        name = f"images/v2/patch0/objects365_v2_{split}.jpg"
        entry = {"id": 391895, "file_name": name, "height": 80, "width": 100, "license": 5}
        objects = [OBJECT | {"isfake": 0, "iscrowd": 0}, OBJECT | {"id": 2, "isfake": 1, "iscrowd": 1}]
        truth = {"images": [entry], "annotations": objects, "categories": CATEGORIES}
        save(tmp_path / f"zhiyuan_objv2_{split}.json", truth)
    assert find_format(DataSettings(folder=str(tmp_path))) == "coco"
    found = read(tmp_path)
    assert found.file_names.tolist() == ["patch0/objects365_v2_train.jpg"]
    assert found.crowd.tolist() == [False, True]
    assert any("Objects365: 1 of 2 objects are depictions (isfake), read as objects" in note for note in found.notes)


def test_nothing_is_said_of_coco_itself() -> None:
    for values in ({"images": [{"id": 1}], "annotations": [OBJECT]}, {"images": 3}, {"annotations": [3]}):
        checked: dict[str, Any] = values
        assert dialect_notes(checked, "a.json") == []
