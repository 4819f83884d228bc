"""Labels of images that EXIF turns: boxes and masks turn with them when sizes say so, and all turning is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from codo.annotations.coco.read import read_coco
from codo.annotations.records import Annotations
from codo.annotations.source import DataSettings, read_annotations
from codo.annotations.upright import fit_to_images, turn_labels
from codo.core.errors import InputError
from tests.annotations.refusals import Refuses, Spoil
from tests.conftest import MakeData

Make = Callable[..., Annotations]


@pytest.fixture
def annotations(make_data: MakeData) -> Annotations:
    return read_annotations(DataSettings(folder=str(make_data(images=6))), "train")


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def build(
        orientations: dict[str, int], *, upright: tuple[str, ...] = (), stored: tuple[int, int] = (60, 40)
    ) -> Annotations:
        """Images of a stored width and height, labeled as stored but for those in ``upright``."""
        width, height = stored
        rows, objects = [], []
        for number, (name, orientation) in enumerate(orientations.items(), start=1):
            exif = Image.Exif()
            exif[0x0112] = orientation
            Image.new("RGB", stored).save(tmp_path / name, exif=exif)
            sides = (height, width) if name in upright and orientation >= 5 else (width, height)
            rows.append({"id": number, "file_name": name, "width": sides[0], "height": sides[1]})
            objects.append(
                {"id": number, "image_id": number, "category_id": 1, "bbox": [4, 6, 20, 9],
                 "segmentation": [[4, 6, 24, 6, 24, 15, 4, 15]]}
            )  # fmt: skip
        truth = {"images": rows, "categories": [{"id": 1, "name": "a"}], "annotations": objects}
        (tmp_path / "instances_val.json").write_text(json.dumps(truth))
        data = DataSettings(val=str(tmp_path / "instances_val.json"), images=str(tmp_path), exif="upright")
        read = read_coco(Path(data.val or ""))
        return Annotations(**{**read.__dict__, "folder": tmp_path})

    return build


def test_a_quarter_turn_turns_boxes_and_outlines(make: Make) -> None:
    """By hand: shown a quarter turn to the right, (x, y) of 60 x 40 is (40 - y, x) of 40 x 60."""
    read = fit_to_images(make({"a.jpg": 6, "b.jpg": 1}), "auto")
    assert read.sizes.tolist() == [[60, 40], [40, 60]]
    assert read.bbox.tolist() == [[25, 4, 9, 20], [4, 6, 20, 9]]
    assert read.segmentations[0] == [[34, 4, 34, 24, 25, 24, 25, 4]]
    assert read.segmentations[1] == [[4, 6, 24, 6, 24, 15, 4, 15]]
    assert "the labels of 1 of 2 images are of the image before its EXIF orientation" in read.notes[0]


def test_upright_labels_stay(make: Make) -> None:
    truth = make({"a.jpg": 6, "b.jpg": 3}, upright=("a.jpg",))
    assert fit_to_images(truth, "auto") is truth


def test_upside_down_images_follow_the_others(make: Make) -> None:
    """Sizes tell nothing about them; what all others are decides, and nothing decides where the others disagree."""
    read = fit_to_images(make({"a.jpg": 8, "b.jpg": 3}), "auto")
    assert read.bbox.tolist() == [[6, 36, 9, 20], [36, 25, 20, 9]]
    read = fit_to_images(make({"a.jpg": 8, "b.jpg": 3, "c.jpg": 6}, upright=("c.jpg",)), "auto")
    assert read.bbox.tolist()[0] == [6, 36, 9, 20]
    assert read.bbox.tolist()[1:] == [[4, 6, 20, 9]] * 2
    assert "1 more images are mirrored, upside down or square" in read.notes[1]


def test_the_setting_decides_where_sizes_do_not(make: Make) -> None:
    alone = make({"b.jpg": 3})
    assert fit_to_images(alone, "auto") is alone
    assert fit_to_images(alone, "stored").bbox.tolist() == [[36, 25, 20, 9]]
    square = make({"a.jpg": 6}, stored=(50, 50))
    assert fit_to_images(square, "auto") is square
    assert fit_to_images(square, "stored").bbox.tolist() == [[35, 4, 9, 20]]
    quarter = make({"a.jpg": 6})
    with pytest.raises(InputError, match=r"1 image whose size differs .*40 x 60 pixels, annotated as 60 x 40"):
        fit_to_images(quarter, "upright")


def test_unknown_files_are_left_alone(make: Make) -> None:
    truth = make({"a.jpg": 6})
    assert turn_labels(truth, np.zeros((1, 3), dtype=np.int32), "auto") is truth


def test_another_size_is_refused_by_the_command_line(spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("coco")
    Image.new("RGB", (48, 32)).save(data / "val" / "001.png")
    refuses(data, "1 image whose size differs from the annotations: 001.png (48 x 32 pixels", "val/001.png")


def test_a_folder_is_read_turned(spoil: Spoil) -> None:
    data = spoil("coco")
    before = read_annotations(DataSettings(folder=str(data)), "val")
    exif = Image.Exif()
    exif[0x0112] = 8
    image = Image.open(before.path(0))
    image.save(before.path(0), exif=exif)
    for sizes in (True, False):  # pages read without checking sizes, and draw the same boxes
        after = read_annotations(DataSettings(folder=str(data)), "val", sizes=sizes)
        x, y, w, h = before.bbox[0]
        assert after.bbox[0].tolist() == [y, image.width - x - w, h, w]


def test_all_images_of_another_size_are_counted_and_the_first_is_named(annotations: Annotations) -> None:
    assert fit_to_images(annotations, "auto") is annotations
    for i in (3, 4):
        cv2.imwrite(str(annotations.path(i)), np.zeros((96, 64, 3), np.uint8))
    message = r"2 images whose size differs .*; the first: 003.png \(64 x 96 pixels, annotated as 96 x 64\)"
    with pytest.raises(InputError, match=message) as caught:
        fit_to_images(annotations, "auto")
    assert caught.value.where == str(annotations.path(3))
    assert "EXIF" in caught.value.fix


def test_all_images_that_are_none_are_counted_and_the_first_is_named(annotations: Annotations) -> None:
    annotations.path(2).write_bytes(b"no image")
    annotations.path(5).write_bytes(b"")
    with pytest.raises(InputError, match=r"2 images that cannot be read; the first: 002.png \(unreadable"):
        fit_to_images(annotations, "auto")
