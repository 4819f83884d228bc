"""XML files of VOC: corners, classes, and what is refused."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from codo.annotations.records import Annotations
from codo.annotations.source import DataSettings, read_annotations
from codo.annotations.voc.read import read_voc
from codo.core.errors import InputError
from codo.layouts.voc import VocImage
from tests.annotations.refusals import Refuses, Spoil

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


@pytest.mark.parametrize("size", ["<width>0</width><height>0</height>", "<width>0</width><height>375</height>", ""])
def test_a_size_of_0_is_read_from_the_image(tmp_path: Path, size: str) -> None:
    cv2.imwrite(str(tmp_path / "000012.jpg"), np.zeros((375, 500, 3), np.uint8))
    text = XML.format(OBJECT.format("cat", "", 500, 1, 1, 375))
    text = text.replace("<width>500</width><height>375</height>", size)
    (tmp_path / "000012.xml").write_text(text)
    read = read_voc(tmp_path, [VocImage("000012.jpg", tmp_path / "000012.xml")])
    assert read.sizes.tolist() == [[375, 500]]
    assert read.bbox.tolist() == [[0, 0, 500, 375]]
    assert read.notes == (f"{tmp_path}: 1 XML files without a <size>; it is read from the images",)
    (tmp_path / "000012.jpg").unlink()
    with pytest.raises(InputError, match="1 XML file with an impossible <size>"):
        read_voc(tmp_path, [VocImage("000012.jpg", tmp_path / "000012.xml")])


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


def change_elements(data: Path, element: str, text: str) -> None:
    """Write another text into the first element of that name of the second and third XML file."""
    for number in ("001", "002"):
        file = data / "VOC2007" / "Annotations" / f"train_{number}.xml"
        head, opening, rest = file.read_text().partition(f"<{element}>")
        assert opening
        file.write_text(f"{head}{opening}{text}{rest[rest.index('</') :]}")


@pytest.mark.parametrize(
    ("element", "text", "what"),
    [
        ("width", "-9", "2 XML files with an impossible <size>; the first: train_001.xml (width -9, height 64)"),
        ("xmax", "1", "2 objects with a box without area; the first: object 1 of train_001.xml (xmin "),
        ("xmax", "99", "2 objects with a box that reaches more than 2 pixels out of its image; the first: object 1 of"),
        ("ymin", "top", "2 objects whose corners are not four numbers; the first: object 1 of train_001.xml (xmin"),
        ("name", "", "2 objects without a name; the first: object 1 of train_001.xml"),
        ("difficult", "yes", "2 objects where <difficult> is not 0 or 1; the first: object 1 of train_001.xml (diff"),
    ],
)
def test_wrong_elements(element: str, text: str, what: str, spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("voc")
    change_elements(data, element, text)
    refuses(data, what, "train_001.xml")


def test_broken_xml(spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("voc")
    for number in ("001", "003"):
        file = data / "VOC2007" / "Annotations" / f"train_{number}.xml"
        file.write_text(file.read_text()[:80])
    refuses(data, "2 XML files that cannot be read; the first: train_001.xml (broken XML: ", "train_001.xml")


def test_xml_of_something_else(spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("voc")
    (data / "VOC2007" / "Annotations" / "train_002.xml").write_text("<html></html>")
    what = "1 XML file that cannot be read: train_002.xml (<html> where <annotation> was expected)"
    refuses(data, what, "train_002.xml")
