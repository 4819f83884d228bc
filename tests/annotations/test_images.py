"""Image files beside their annotations: sizes, damage, and the same files in both splits."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from codo.annotations.images import check_some_images, read_image, read_sizes, shared_images
from codo.annotations.records import Annotations
from codo.annotations.source import DataSettings, read_annotations
from codo.annotations.upright import fit_to_images
from codo.core.errors import InputError
from tests.annotations.refusals import Refuses, Spoil
from tests.catalog.pictures import png_header
from tests.conftest import MakeData


@pytest.fixture
def annotations(make_data: MakeData) -> Annotations:
    return read_annotations(DataSettings(folder=str(make_data(images=6))), "train")


def test_sizes_are_those_of_the_image_as_it_is_looked_at(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown a quarter turn to the right
    picture = Image.new("RGB", (30, 20))
    picture.save(tmp_path / "turned.jpg", exif=exif)
    picture.save(tmp_path / "plain.png")
    assert read_sizes([tmp_path / "turned.jpg", tmp_path / "plain.png"]).tolist() == [[30, 20], [20, 30]]
    assert read_sizes([]).shape == (0, 2)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_tiffs_have_the_size_that_decoding_gives(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (30, 20)).save(tmp_path / "a.tif", exif=exif)
    height, width = (30, 20) if orientation >= 5 else (20, 30)
    assert read_sizes([tmp_path / "a.tif"]).tolist() == [[height, width]]


def test_too_large_images_are_refused_before_anything_starts(spoil: Spoil, refuses: Refuses) -> None:
    """Neither calls Pillow's limit an attack: one is over 100 megapixels, one over 178."""
    data = spoil("yolo")
    for name, size in (("000.png", (20000, 6000)), ("001.png", (40000, 40000))):
        (data / "images" / "train" / name).write_bytes(png_header(*size))
    refuses(data, "2 images that cannot be decoded; the first: 000.png (too large: 20000 x 6000 = 120", "000.png")


def test_an_image_of_another_size_is_not_read(annotations: Annotations) -> None:
    cv2.imwrite(str(annotations.path(3)), np.zeros((96, 64, 3), np.uint8))
    with pytest.raises(InputError, match="the image is 64 x 96 pixels, its annotations are for 96 x 64") as caught:
        read_image(annotations, 3)
    assert caught.value.where.endswith("003.png")


@pytest.mark.parametrize("content", [b"", b"no image", None])
def test_an_unreadable_image_is_named(content: bytes | None, annotations: Annotations) -> None:
    annotations.path(0).unlink()
    if content is not None:
        annotations.path(0).write_bytes(content)
    with pytest.raises(InputError, match="cannot read an image"):
        read_image(annotations, 0)


def test_a_damaged_image_is_found_by_reading_a_few(annotations: Annotations) -> None:
    """Its head is whole: sizes alone do not tell."""
    data = annotations.path(5).read_bytes()
    annotations.path(5).write_bytes(data[: len(data) // 2])
    fit_to_images(annotations, "auto")
    with pytest.raises(InputError, match="cannot read an image: truncated"):
        check_some_images(annotations)


def test_files_in_both_splits_are_told_but_not_copies(make_data: MakeData, tmp_path: Path) -> None:
    folder = make_data(images=3)
    one, other = (read_annotations(DataSettings(folder=str(folder)), split) for split in ("train", "val"))
    assert shared_images(one, other) == ""  # the same pictures under the same names, in two folders
    assert "3 of 3 evaluation images are also training images (the first: 000.png)" in shared_images(one, one)
    (tmp_path / "link").symlink_to(folder)
    linked = read_annotations(DataSettings(folder=str(tmp_path / "link")), "train")
    assert "3 of 3 evaluation images" in shared_images(one, linked)


def test_coco_images_of_another_size(spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("coco")
    for name in ("001.png", "003.png"):
        cv2.imwrite(str(data / "val" / name), np.zeros((32, 48, 3), np.uint8))
    what = "2 images whose size differs from the annotations; the first: 001.png (48 x 32 pixels, annotated as 96"
    refuses(data, what, "val/001.png")
