"""Which images belong to a split of a VOCdevkit."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from codo.catalog.sources.source import list_sources
from codo.core.errors import InputError
from tests.annotations.layouts import names, write_voc
from tests.annotations.refusals import Refuses, Spoil, replace_in
from tests.annotations.synthetic import coco


def test_where_a_test_set_is_labeled_years_are_joined_by_vocs_protocol(devkit: Path) -> None:
    train = names(devkit, "train")
    assert train == [
        *(f"VOC2007/JPEGImages/trainval_{i:03}.png" for i in range(3)),
        "VOC2012/JPEGImages/trainval_000.png",
    ]
    assert names(devkit, "val") == [f"VOC2007/JPEGImages/test_{i:03}.png" for i in range(2)]
    assert names(devkit.parent, "train") == [f"VOCdevkit/{name}" for name in train]


def test_image_sets_by_name(devkit: Path) -> None:
    assert len(names(devkit, "train", train_split="train")) == 2
    assert len(names(devkit, "train", train_split="VOC2007/train, VOC2012/val")) == 4
    assert names(devkit, "val", val_split="VOC2012/trainval") == ["VOC2012/JPEGImages/trainval_000.png"]
    with pytest.raises(
        InputError, match=r"no image set 'VOC2012/train' in ImageSets/Main of VOC2007, VOC2012"
    ) as caught:
        names(devkit, "train", train_split="VOC2012/train")
    assert caught.value.fix == "did you mean 'VOC2012/trainval'?"


def test_a_year_alone_has_train_and_val(tmp_path: Path) -> None:
    folder = write_voc(tmp_path / "VOC2012", {"train": coco(2, seed=1), "val": coco(1, seed=2)}, year=None)
    assert names(folder, "train") == ["JPEGImages/train_000.png", "JPEGImages/train_001.png"]
    assert names(folder, "val") == ["JPEGImages/val_000.png"]


def test_images_without_the_class_of_a_set_are_in_the_split_but_not_in_a_catalog(tmp_path: Path) -> None:
    """One file, two uses: negative examples for detection, and not what a selection by class asks for."""
    folder = write_voc(tmp_path, {"train": coco(3, seed=1), "val": coco(1, seed=2)})
    rows = "train_000 -1\n\ntrain_001  1\ntrain_002  0\n"
    (folder / "VOC2007/ImageSets/Main/cat_train.txt").write_text(rows)
    images = [f"VOC2007/JPEGImages/train_{i:03}.png" for i in range(3)]
    assert names(folder, "train", train_split="cat_train") == images
    assert [member.key for member in list_sources([str(folder)], "cat_train").members] == images[1:]


def test_an_image_may_be_of_any_kind(tmp_path: Path) -> None:
    folder = write_voc(tmp_path, {"train": coco(1)})
    picture = folder / "VOC2007/JPEGImages/train_000.png"
    cv2.imwrite(str(picture.with_suffix(".jpg")), cv2.imread(str(picture)))
    picture.unlink()
    assert names(folder, "train") == ["VOC2007/JPEGImages/train_000.jpg"]


@pytest.mark.parametrize(("folder", "what"), [("JPEGImages", "images"), ("Annotations", "XML files")])
def test_missing_files(folder: str, what: str, spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("voc")
    for file in sorted((data / "VOC2007" / folder).glob("train_*"))[1:3]:
        file.unlink()
    refuses(data, f"2 of 4 {what} missing in ", "Main/train.txt")


def test_an_image_that_is_named_twice(spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("voc")
    replace_in(data / "VOC2007/ImageSets/Main/train.txt", old="train_002", new="train_001")
    refuses(data, "1 image is listed more than once; the first: train_001", "Main/train.txt")


def test_an_unknown_split(right: dict[str, Path], refuses: Refuses) -> None:
    what = "no image set 'tain' in ImageSets/Main of VOC2007"
    refuses(right["voc"], what, "VOC2007", "data.train_split=tain")
    what = "no image set 'VOC2012/train'"
    refuses(right["voc"], what, "VOC2007", "data.train_split=VOC2012/train")
