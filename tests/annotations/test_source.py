"""What ``data=`` may be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from codo.annotations.source import DataSettings, find_format, read_annotations, resolved
from codo.core.config import parse_assignments, resolve
from codo.core.errors import InputError
from codo.detection.evaluate import EvaluateSettings
from tests.annotations.layouts import settings as in_folder
from tests.annotations.layouts import write_coco, write_voc, write_yolo
from tests.annotations.refusals import Refuses, Spoil
from tests.annotations.synthetic import coco

MakeData = Callable[..., Path]


def settings(data: Any) -> DataSettings:
    return DataSettings.model_validate(data)


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


@pytest.mark.parametrize("data", ["cvat", "cvat/annotations.xml"])
def test_an_export_of_cvat_in_its_own_format_is_named(data: str, tmp_path: Path) -> None:
    (tmp_path / "cvat/images").mkdir(parents=True)
    text = "<?xml version='1.0' encoding='utf-8'?>\n<annotations>\n  <version>1.1</version>\n</annotations>\n"
    (tmp_path / "cvat/annotations.xml").write_text(text)
    with pytest.raises(InputError) as caught:
        find_format(settings(tmp_path / data))
    assert caught.value.fix.startswith("annotations.xml is CVAT's own format: export the task from CVAT as COCO 1.0")


def test_other_xml_is_not_taken_for_that_of_cvat(tmp_path: Path) -> None:
    (tmp_path / "annotations.xml").write_text("<annotation><filename>a.jpg</filename></annotation>")
    with pytest.raises(InputError) as caught:
        find_format(settings(tmp_path / "annotations.xml"))
    assert caught.value.fix.startswith("give a folder in one of these layouts")


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
    with pytest.raises(InputError, match=r"data\.folder is not used when data\.train and data\.val are given"):
        resolve(EvaluateSettings, None, {"data": {"folder": "a", "train": "b.json", "val": "c.json"}})
    with pytest.raises(InputError, match=r"data\.format=voc needs a folder"):
        resolve(EvaluateSettings, None, {"data": {"format": "voc", "val": "c.json"}})


@pytest.mark.parametrize("kind", ["coco", "voc", "yolo"])
def test_formats_are_told_and_resolved_settings_read_the_same(kind: str, tmp_path: Path) -> None:
    make = {"coco": write_coco, "voc": write_voc, "yolo": write_yolo}[kind]
    data = in_folder(make(tmp_path / "data", {"train": coco(2, seed=1), "val": coco(1, seed=2)}), fraction=0.5)
    assert find_format(data) == kind
    train, val = (read_annotations(data, split) for split in ("train", "val"))
    again = resolved(data, train, val)
    assert again == resolved(again, train, val)
    assert (again.format, again.fraction) == (kind, 0.5)
    for split, read in (("train", train), ("val", val)):
        other = read_annotations(again, split)
        assert [str(other.path(i)) for i in range(len(other))] == [str(read.path(i)) for i in range(len(read))]
        np.testing.assert_array_equal(other.bbox, read.bbox)


def test_a_format_can_be_chosen(tmp_path: Path) -> None:
    splits = {"train": coco(2, seed=1)}
    write_coco(tmp_path, splits)
    write_yolo(tmp_path, splits)
    assert read_annotations(in_folder(tmp_path, format="yolo"), "train").categories[0].id == 0
    assert read_annotations(in_folder(tmp_path, format="coco"), "train").categories[0].id == 3
    with pytest.raises(InputError, match="2 formats"):
        read_annotations(in_folder(tmp_path), "train")


def test_folders_that_are_no_data_or_two_kinds(spoil: Spoil, refuses: Refuses, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    cv2.imwrite(str(tmp_path / "none" / "a.png"), np.zeros((8, 8, 3), np.uint8))
    refuses(tmp_path / "none", "no annotations in the folder", "none")
    both = spoil("coco")
    (both / "data.yaml").write_text((spoil("yolo") / "data.yaml").read_text())
    refuses(both, "the folder has annotations in 2 formats: coco, yolo", str(both))
