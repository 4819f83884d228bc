"""What ``data=`` may be."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codo.annotations.source import DataSettings, read_annotations
from codo.core.config import parse_assignments, resolve
from codo.core.errors import InputError
from codo.detection.evaluate import EvaluateSettings

MakeData = Callable[..., Path]


def settings(data: Any) -> DataSettings:
    return DataSettings.model_validate(data)


@pytest.mark.parametrize(
    ("annotations", "images"),
    [
        ("annotations/instances_val.json", "val"),
        ("annotations/instances_val2017.json", "val2017"),
        ("annotations/val.json", "images/val"),
        ("annotations/val.json", "images"),
        ("val/_annotations.coco.json", "val"),
        ("valid/_annotations.coco.json", "valid"),
        ("annotations/instances_val.json", "."),
    ],
)
def test_layouts_of_a_folder(annotations: str, images: str, make_data: MakeData, tmp_path: Path) -> None:
    made, folder = make_data(), tmp_path / "other"
    (folder / annotations).parent.mkdir(parents=True, exist_ok=True)
    (folder / images).mkdir(parents=True, exist_ok=True)
    shutil.copy(made / "annotations" / "instances_val.json", folder / annotations)
    for image in (made / "val").iterdir():
        shutil.copy(image, folder / images)
    read = read_annotations(settings(str(folder)), "val")
    assert len(read) == 4
    assert read.path(0).is_file()
    assert read.path(0).parent == (folder / images)


def test_files_named_one_by_one(make_data: MakeData) -> None:
    made = make_data()
    data = settings({"train": str(made / "annotations/instances_train.json"), "images": str(made / "val")})
    assert read_annotations(data, "train").folder == made / "val"
    with pytest.raises(InputError, match="no annotation file for val"):
        read_annotations(data, "val")


def test_a_file_alone_finds_its_images_where_a_folder_would_have_them(make_data: MakeData) -> None:
    made = make_data()
    read = read_annotations(settings(made / "annotations" / "instances_val.json"), "val")
    assert read.folder == made / "val"


def test_missing_images_are_counted_and_the_first_is_named(make_data: MakeData) -> None:
    made = make_data()
    for name in ("001.png", "003.png"):
        (made / "train" / name).unlink()
    with pytest.raises(InputError) as caught:
        read_annotations(settings(str(made)), "train")
    assert caught.value.what == f"2 of 4 images missing in {made / 'train'}; the first: 001.png"
    assert len(read_annotations(settings(str(made)), "train", images=False)) == 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: str(folder / "none"), "no such folder"),
        (lambda folder: str(folder / "none.json"), "no such annotation file"),
        (lambda folder: str(folder / "train"), "no annotations in the folder"),
        (lambda folder: {"folder": str(folder), "val_split": "test"}, "no COCO annotations of 'test'"),
        (lambda folder: {"folder": str(folder), "images": str(folder / "none")}, "cannot find the images"),
    ],
)
def test_what_is_not_there_is_said(make: Callable[[Path], Any], message: str, make_data: MakeData) -> None:
    with pytest.raises(InputError, match=message):
        read_annotations(settings(make(make_data())), "val")


def test_a_typing_mistake_in_the_group_is_explained() -> None:
    with pytest.raises(InputError, match=r"unknown setting 'data\.imges'") as caught:
        resolve(EvaluateSettings, None, {"data.val": "a.json", "data.imges": "b"})
    assert "data.images" in caught.value.fix
    with pytest.raises(InputError, match="give data=FOLDER"):
        resolve(EvaluateSettings, None, {"data": {"images": "b"}})


@pytest.mark.parametrize(
    "given",
    [["data=FOLDER", "data.fraction=0.5"], ["data.fraction=0.5", "data=FOLDER"]],
)
def test_a_folder_in_short_stands_beside_other_settings(given: list[str]) -> None:
    read = resolve(EvaluateSettings, None, parse_assignments(given)).data
    assert read is not None
    assert (read.folder, read.fraction) == ("FOLDER", 0.5)


def test_a_folder_in_short_keeps_what_a_recipe_says_beside_it(tmp_path: Path) -> None:
    recipe = tmp_path / "tenth.yaml"
    recipe.write_text("data:\n  fraction: 0.1\n  folder: other\n")
    read = resolve(EvaluateSettings, recipe, {"data": "FOLDER"}).data
    assert read is not None
    assert (read.folder, read.fraction) == ("FOLDER", 0.1)


def test_files_of_both_splits_beside_a_folder_are_refused_not_preferred() -> None:
    with pytest.raises(InputError, match=r"data\.folder has nothing to say beside data\.train and data\.val"):
        resolve(EvaluateSettings, None, {"data": {"folder": "a", "train": "b.json", "val": "c.json"}})
    with pytest.raises(InputError, match=r"data\.format=voc needs a folder"):
        resolve(EvaluateSettings, None, {"data": {"format": "voc", "val": "c.json"}})
