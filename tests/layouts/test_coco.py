"""Places of COCO annotation files, by names alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codo.layouts.coco import find_annotations, find_single_file, image_folders


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "annotations/instances_val.json",
        "annotations/instances_val2017.json",
        "annotations/val.json",
        "valid/_annotations.coco.json",
        "validation/labels.json",
        "Annotations/Instances_Val.json",
    ],
)
def test_the_file_of_a_split(tmp_path: Path, name: str) -> None:
    touch(tmp_path, name)
    assert find_annotations(tmp_path, "val") == tmp_path / name
    assert find_annotations(tmp_path, "train") is None


def test_a_folder_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold a million images."""
    touch(tmp_path, "000.jpg", "VALID/Labels.json")
    listed: list[Path] = []
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: listed.append(folder) or listdir(folder))
    assert find_annotations(tmp_path, "val") == tmp_path / "VALID/Labels.json"
    assert sorted(listed) == [tmp_path, tmp_path / "VALID"]


def test_the_only_file_of_all_images(tmp_path: Path) -> None:
    assert find_single_file(touch(tmp_path, "some.json")) == tmp_path / "some.json"
    assert find_single_file(touch(tmp_path, "other.json")) is None
    touch(tmp_path, "annotations/instances_default.json")
    assert find_single_file(tmp_path) == tmp_path / "annotations/instances_default.json"


def test_folders_of_images_best_first(tmp_path: Path) -> None:
    found = [path.relative_to(tmp_path).as_posix() for path in image_folders(tmp_path, "val")]
    assert found[0] == "val"
    assert found[-1] == "."
    assert {"valid/images", "validation/data", "val2017", "images/val", "images", "data", "images/default"} <= {*found}
