"""Where COCO's layout has annotations and images."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from codo.annotations.source import DataSettings, read_annotations
from codo.core.errors import InputError
from tests.annotations.refusals import Refuses, Spoil
from tests.conftest import MakeData


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
    read = read_annotations(DataSettings(folder=str(folder)), "val")
    assert len(read) == 4
    assert read.path(0).is_file()
    assert read.path(0).parent == (folder / images)


def test_missing_images_are_counted_and_the_first_is_named(make_data: MakeData) -> None:
    made = make_data()
    for name in ("001.png", "003.png"):
        (made / "train" / name).unlink()
    with pytest.raises(InputError) as caught:
        read_annotations(DataSettings(folder=str(made)), "train")
    assert caught.value.what == f"2 of 4 images missing in {made / 'train'}; the first: 001.png"
    assert len(read_annotations(DataSettings(folder=str(made)), "train", images=False)) == 4


def test_coco_images_missing_on_disk(spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("coco")
    for name in ("001.png", "003.png"):
        (data / "train" / name).unlink()
    what = f"2 of 4 images missing in {data / 'train'}; the first: 001.png"
    refuses(data, what, "instances_train.json")
