"""Which files belong to a split, in the folders of VOC and YOLO."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image

from codo.annotations.assemble import image_numbers
from codo.annotations.records import Annotations
from codo.annotations.source import DataSettings, find_format, read_annotations, resolved
from codo.annotations.voc.layout import VocImage
from codo.annotations.voc.read import read_voc
from codo.core.errors import InputError
from tests.annotations.layouts import write_coco, write_voc, write_yolo
from tests.annotations.synthetic import coco


def settings(folder: Path, **more: Any) -> DataSettings:
    return DataSettings(folder=str(folder), **more)


def names(folder: Path, split: Any, **more: Any) -> list[str]:
    return read_annotations(settings(folder, **more), split).file_names.tolist()


@pytest.fixture(scope="module")
def devkit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two years, of 2007 with a labeled test set and of 2012 with an unlabeled one."""
    folder = tmp_path_factory.mktemp("voc") / "VOCdevkit"
    write_voc(folder, {"trainval": coco(3, seed=1), "test": coco(2, seed=2), "train": coco(2, seed=3)})
    write_voc(folder, {"trainval": coco(1, seed=4), "val": coco(2, seed=5)}, year="VOC2012")
    (folder / "VOC2012/ImageSets/Main/test.txt").write_text("2012_000001\n")
    return folder


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


def test_second_columns_of_image_sets_do_not_matter(tmp_path: Path) -> None:
    folder = write_voc(tmp_path, {"train": coco(2, seed=1), "val": coco(1, seed=2)})
    (folder / "VOC2007/ImageSets/Main/train.txt").write_text("train_000 -1\n\ntrain_001  1\n")
    assert len(names(folder, "train")) == 2


XML = """<annotation><size><width>500</width><height>375</height><depth>3</depth></size>{}</annotation>"""
OBJECT = """<object><name>{}</name>{}<bndbox><xmax>{}</xmax><xmin>{}</xmin><ymin>{}</ymin><ymax>{}</ymax></bndbox>
<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></part></object>"""


def voc(folder: Path, objects: str) -> Annotations:
    (folder / "000012.xml").write_text(XML.format(objects))
    return read_voc(folder, [VocImage("000012.jpg", folder / "000012.xml")])


def test_corners_count_from_1_and_lie_inside(tmp_path: Path) -> None:
    whole = OBJECT.format("cat", "<difficult>1</difficult>", 500, 1, 1, 375)
    pixel = OBJECT.format("ant", "", 10, 10, 20, 20)
    fraction = OBJECT.format("cat", "<difficult>0</difficult>", "45.70", "12.20", 7, 9)
    read = voc(tmp_path, whole + pixel + fraction)
    assert [tuple(category) for category in read.categories] == [(1, "ant"), (2, "cat")]
    assert read.labels.tolist() == [2, 1, 2]
    np.testing.assert_allclose(read.bbox, [[0, 0, 500, 375], [9, 19, 1, 1], [11.2, 6, 34.5, 3]])
    np.testing.assert_allclose(read.boxes(read.objects(0), 0)[:2], [[0, 0, 500, 375], [9, 19, 10, 20]])
    assert read.difficult is not None
    assert read.difficult.tolist() == [True, False, False]
    assert read.image_ids.tolist() == [12]
    assert not read.has_masks


def test_corners_counted_from_0_are_clipped_not_refused(tmp_path: Path) -> None:
    read = voc(tmp_path, OBJECT.format("cat", "", 500, 0, 0, 375))
    np.testing.assert_array_equal(read.boxes(read.objects(0), 0), [[0, 0, 500, 375]])


def test_classes_are_those_of_all_files_of_a_year_whatever_the_split(tmp_path: Path) -> None:
    (tmp_path / "000013.xml").write_text(XML.format(OBJECT.format("bee", "", 9, 1, 1, 9)))
    (tmp_path / "000014.xml").write_text("broken, which matters to its own split")
    read = voc(tmp_path, OBJECT.format("cat", "", 9, 1, 1, 9))
    assert [tuple(category) for category in read.categories] == [(1, "bee"), (2, "cat")]
    assert "1 of 2 categories have no annotation: bee (id 1)" in read.warnings[0]


def test_classes_are_those_of_all_years_whichever_are_in_use(devkit: Path) -> None:
    """Else label 1 of one split would be another class than label 1 of the other."""
    xml = XML.format(OBJECT.format("ant", "", 9, 1, 1, 9))
    (devkit / "VOC2012" / "Annotations" / "unused.xml").write_text(xml)
    for split in ("VOC2007/test", "VOC2012/val"):
        read = read_annotations(DataSettings(folder=str(devkit), val_split=split), "val")
        assert [category.name for category in read.categories] == ["ant", "box", "disc"]


def test_ids_are_the_numbers_in_names_that_all_have_one() -> None:
    assert image_numbers(["a/000012.jpg", "b/2008_000002.jpg"]).tolist() == [12, 2008000002]
    assert image_numbers(["7.jpg", "007.png"]).tolist() == [1, 2]  # one number twice
    assert image_numbers(["7.jpg", "seven.jpg"]).tolist() == [1, 2]
    assert image_numbers(["9" * 30 + ".jpg"]).tolist() == [1]


def describe(folder: Path, **values: Any) -> Path:
    """Change a YOLO data file."""
    path = folder / "data.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **values}))
    return folder


@pytest.fixture
def yolo(tmp_path: Path) -> Path:
    return write_yolo(tmp_path / "yolo", {"train": coco(3, seed=1), "val": coco(2, seed=2)})


def test_yolo_splits_by_every_spelling(yolo: Path) -> None:
    train, val = names(yolo, "train"), names(yolo, "val")
    assert train == [f"images/train/{i:03}.png" for i in range(3)]
    assert val == [f"images/val/{i:03}.png" for i in range(2)]
    assert names(describe(yolo, train=["images/train", "images/val"]), "train") == train + val
    assert names(describe(yolo, path="images", train="train", val="val"), "train") == train
    assert names(describe(yolo, path=str(yolo), train="images/train"), "train") == train
    assert names(describe(yolo, path=None, train="../images/train"), "train") == train  # as one exporter writes it
    assert names(describe(yolo, train=None, val=None), "train") == train  # the usual folders
    (yolo / "list.txt").write_text("./images/train/001.png\n\nimages/val/000.png\n")
    assert names(describe(yolo, train="list.txt"), "train") == ["images/train/001.png", "images/val/000.png"]
    assert names(yolo / "data.yaml", "train", train_split="val") == val
    assert names(yolo, "val", val_split="train") == names(yolo, "train")


def test_yolo_layouts_with_the_split_first_and_other_file_names(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path, {"train": coco(2), "valid": coco(1, seed=3)}, images="{split}/images")
    (folder / "data.yaml").rename(folder / "animals.yaml")
    assert names(folder, "train") == ["train/images/000.png", "train/images/001.png"]
    assert names(folder, "val") == ["valid/images/000.png"]
    assert len(read_annotations(settings(folder), "val").labels) == 2


def test_yolo_names_by_index_and_ids(yolo: Path) -> None:
    read = read_annotations(settings(describe(yolo, names={4: "late", 0: "box", 1: "disc"})), "train")
    assert [tuple(category) for category in read.categories] == [(0, "box"), (1, "disc"), (4, "late")]
    assert "late (id 4)" in read.warnings[0]


def test_yolo_images_without_labels_have_no_objects_and_labels_without_images_are_reported(yolo: Path) -> None:
    (yolo / "labels/train/001.txt").unlink()
    (yolo / "labels/train/000.txt").write_text("\n")
    (yolo / "labels/train/beside.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    read = read_annotations(settings(yolo), "train")
    assert read.images_with_objects().tolist() == [2]
    assert any("1 label files without an image; the first: beside.txt" in warning for warning in read.warnings)


def test_yolo_sizes_are_those_of_the_image_as_it_is_looked_at(yolo: Path) -> None:
    turned = Image.new("RGB", (30, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    data = io.BytesIO()
    turned.save(data, "JPEG", exif=exif)
    (yolo / "images/train/turned.jpg").write_bytes(data.getvalue())
    (yolo / "labels/train/turned.txt").write_text("1 0.5 0.5 1 0.5\n")
    read = read_annotations(settings(yolo), "train")
    assert read.sizes[3].tolist() == [30, 20]  # height, width
    assert read.bbox[-1].tolist() == [0, 7.5, 20, 15]


def test_boxes_and_outlines_may_be_mixed(yolo: Path) -> None:
    (yolo / "labels/train/000.txt").write_text("0 0.5 0.5 0.25 0.5\n1 0 0 0.5 0 0.5 0.5\n")
    read = read_annotations(settings(yolo), "train")
    assert read.bbox[:2].tolist() == [[36, 16, 24, 32], [0, 0, 48, 32]]
    assert read.segmentations[0] is None
    assert read.segmentations[1] == [[0, 0, 48, 0, 48, 32]]
    assert read.areas[:2].tolist() == [768, 768]
    assert not read.has_masks


def test_links_to_images_keep_their_labels(yolo: Path, tmp_path: Path) -> None:
    (yolo / "images").rename(tmp_path / "photographs")
    (yolo / "images").symlink_to(tmp_path / "photographs")
    assert len(read_annotations(settings(yolo), "train").images_with_objects()) == 3


@pytest.mark.parametrize("kind", ["coco", "voc", "yolo"])
def test_formats_are_told_and_resolved_settings_read_the_same(kind: str, tmp_path: Path) -> None:
    make = {"coco": write_coco, "voc": write_voc, "yolo": write_yolo}[kind]
    data = settings(make(tmp_path / "data", {"train": coco(2, seed=1), "val": coco(1, seed=2)}), fraction=0.5)
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
    assert read_annotations(settings(tmp_path, format="yolo"), "train").categories[0].id == 0
    assert read_annotations(settings(tmp_path, format="coco"), "train").categories[0].id == 3
    with pytest.raises(InputError, match="2 formats"):
        read_annotations(settings(tmp_path), "train")


def test_a_picture_may_be_of_any_kind(tmp_path: Path) -> None:
    folder = write_voc(tmp_path, {"train": coco(1)})
    picture = folder / "VOC2007/JPEGImages/train_000.png"
    cv2.imwrite(str(picture.with_suffix(".jpg")), cv2.imread(str(picture)))
    picture.unlink()
    assert names(folder, "train") == ["VOC2007/JPEGImages/train_000.jpg"]
