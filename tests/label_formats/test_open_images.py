"""Open Images: relative corners, groups as crowds, names of classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.annotations.source import DataSettings, find_format
from tests.annotations.refusals import Refuses
from tests.label_formats.samples import boxes, image, read, save

HEAD = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside\n"
CAT, DOG = "/m/01yrx", "/m/0bt9lr"


def line(name: str, label: str = CAT, corners: str = "0.1,0.4,0.25,0.75", flags: str = "0,0,0,0,0") -> str:
    return f"{name},xclick,{label},1,{corners},{flags}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Both splits with their images, and the names of three classes."""
    for split, name in (("train", "00a1"), ("validation", "00b2")):
        image(tmp_path / split / f"{name}.jpg")
        rows = [line(name), line(name, DOG, "0.5,0.9,0.125,0.875", "0,0,1,0,0"), line(name, CAT, flags="0,0,0,1,0")]
        save(tmp_path / f"{split}-annotations-bbox.csv", HEAD + "".join(rows))
    save(tmp_path / "class-descriptions-boxable.csv", f"{CAT},Cat\n{DOG},Dog\n/m/0k4j,Car\n")
    return tmp_path


@pytest.mark.parametrize("split", ["train", "val"])
def test_corners_are_shares_of_the_image(folder: Path, split: str) -> None:
    assert find_format(DataSettings(folder=str(folder))) == "open_images"
    found = read(folder, split)
    assert [c.name for c in found.categories] == ["Cat", "Dog"]  # those that occur
    assert boxes(found) == [("Cat", 10, 20, 30, 40), ("Dog", 50, 10, 40, 60), ("Cat", 10, 20, 30, 40)]
    assert found.crowd.tolist() == [False, True, False]
    told = " ".join(found.notes)
    assert "1 boxes of groups (IsGroupOf) are crowd regions" in told
    assert "1 boxes are of depictions (IsDepiction)" in told
    assert "class-descriptions-boxable.csv" in told


def test_images_without_boxes_are_told(folder: Path) -> None:
    """The boxes name images with objects only; which of the others were looked at, they do not say."""
    assert "do not name" not in " ".join(read(folder, "val").notes)
    image(folder / "validation" / "00c3.jpg")
    found = read(folder, "val")
    assert found.file_names.tolist() == ["00b2.jpg"]
    told = f"{folder / 'validation'}: 1 images that the labels do not name are left out, "
    assert told + "as they may have no objects; the first: 00c3.jpg" in found.notes


def test_fiftyones_layout(tmp_path: Path) -> None:
    for split, name in (("train", "00a1"), ("validation", "00b2")):
        image(tmp_path / split / "data" / f"{name}.jpg")
        save(tmp_path / split / "labels" / "detections.csv", HEAD + line(name))
        save(tmp_path / split / "labels" / "classifications.csv", "ImageID,Source,LabelName,Confidence\n")
        save(tmp_path / split / "metadata" / "classes.csv", f"{CAT},Cat\n")
    for split, name in (("train", "00a1.jpg"), ("val", "00b2.jpg")):
        found = read(tmp_path, split)
        assert (found.file_names.tolist(), boxes(found)) == ([name], [("Cat", 10, 20, 30, 40)])


def test_the_layout_of_datumaro_and_cvat(tmp_path: Path) -> None:
    """Everything in annotations/, with a JSON file of the hierarchy of classes, which is no COCO file."""
    for split, name in (("train", "a"), ("val", "b")):
        image(tmp_path / "images" / split / f"{name}.jpg")
        row = line(name, "cat", flags="-1,-1,0,-1,-1")
        save(tmp_path / "annotations" / f"{split}-annotations-bbox.csv", HEAD + row)
    save(tmp_path / "annotations" / "class-descriptions.csv", "cat,cat\n")
    save(tmp_path / "annotations" / "bbox_labels_600_hierarchy.json", {"LabelName": "/m/0bl9f", "Subcategory": []})
    assert find_format(DataSettings(folder=str(tmp_path))) == "open_images"
    for split, name in (("train", "a.jpg"), ("val", "b.jpg")):
        found = read(tmp_path, split)
        assert (found.file_names.tolist(), boxes(found)) == ([name], [("cat", 10, 20, 30, 40)])
        assert not found.crowd.any()


def test_classes_without_a_name_keep_their_id(folder: Path) -> None:
    (folder / "class-descriptions-boxable.csv").unlink()
    found = read(folder)
    assert [c.name for c in found.categories] == [CAT, DOG]
    assert any("2 classes have no name" in note for note in found.notes)


def test_a_part_of_the_images(folder: Path, refuses: Refuses) -> None:
    """Few have all 1.7 million."""
    file = folder / "train-annotations-bbox.csv"
    file.write_text(file.read_text() + line("00ff") + line("00ee"))
    refuses(folder, "2 images have neither a size in the file nor a file", str(file))
    found = read(folder, missing="skip")
    assert (found.file_names.tolist(), found.missing) == (["00a1.jpg"], ("00ff.jpg", "00ee.jpg"))
    assert any("2 of 3 images are not there and were left out (data.missing=skip)" in note for note in found.notes)


WRONG = {
    "pixels": (line("00a1", corners="10,40,20,60"), "1 row whose corners are not four numbers from 0 to 1: row 5 of"),
    "text": (line("00a1", corners="a,0.4,0.2,0.3"), "1 row whose corners are not four numbers from 0 to 1: row 5 of"),
    "no class": (line("00a1", label=""), "1 row without an ImageID or LabelName: row 5 of"),
    "exchanged": (line("00a1", corners="0.4,0.1,0.2,0.3"), "1 row with a box of negative size: row 5 of train"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_rows_are_named(name: str, folder: Path, refuses: Refuses) -> None:
    wrong, what = WRONG[name]
    file = folder / "train-annotations-bbox.csv"
    file.write_text(file.read_text() + wrong)
    refuses(folder, what, str(file))


def test_labels_of_whole_images_are_no_boxes(tmp_path: Path, refuses: Refuses) -> None:
    """A near neighbor: the same data set's labels of images."""
    image(tmp_path / "train" / "00a1.jpg")
    save(tmp_path / "train-annotations-human-imagelabels.csv", f"ImageID,Source,LabelName,Confidence\n00a1,v,{CAT},1\n")
    refuses(tmp_path, "no annotations in the folder", str(tmp_path))
