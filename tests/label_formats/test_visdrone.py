"""VisDrone: classes, ignored regions, scores."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.annotations.source import DataSettings, find_format
from codo.label_formats.visdrone import CLASSES
from tests.annotations.refusals import Refuses
from tests.label_formats.samples import boxes, image, read, save


def write(folder: Path, *lines: str, name: str = "a") -> None:
    image(folder / "images" / f"{name}.jpg")
    save(folder / "annotations" / f"{name}.txt", "".join(f"{line}\n" for line in lines))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folders of both splits as they are downloaded."""
    write(tmp_path / "VisDrone2019-DET-train", "10,20,30,40,1,4,0,0", "50,10,40,60,0,0,0,0", "5,5,9,9,0,1,1,2,")
    write(tmp_path / "VisDrone2019-DET-val", "10,20,30,40,1,11,0,0", "10,20,30,40,1,10,0,0", name="b")
    return tmp_path


def test_classes_crowds_and_regions_to_ignore(folder: Path) -> None:
    assert find_format(DataSettings(folder=str(folder))) == "visdrone"
    train, val = read(folder), read(folder, "val")
    assert [c.name for c in train.categories] == [c.name for c in val.categories] == CLASSES
    found = boxes(train)
    assert found[0] == ("car", 10, 20, 30, 40)
    assert found[1:11] == [(name, 50, 10, 40, 60) for name in CLASSES]  # one region, ignored for every class
    assert found[11:] == [("pedestrian", 5, 5, 9, 9)]
    assert train.crowd.tolist() == [False] + [True] * 11
    assert train.file_names.tolist() == ["images/a.jpg"]
    assert boxes(val) == [("motor", 10, 20, 30, 40)]
    told = " ".join([*train.notes, *val.notes])
    assert "1 regions to ignore (category 0) are crowd regions of every class" in told
    assert "1 boxes with score 0 are crowd regions" in told
    assert "1 boxes of category 11 (others) are left out" in told


def test_images_that_are_not_there(folder: Path, refuses: Refuses) -> None:
    save(folder / "VisDrone2019-DET-train" / "annotations" / "gone.txt", "1,2,3,4,1,4,0,0\n")
    refuses(folder, "1 images have neither a size in the file nor a file", "VisDrone2019-DET-train")
    found = read(folder, missing="skip")
    assert (len(found), found.missing) == (1, ("images/gone.jpg",))


WRONG = {
    "1,2,3,4,1,12,0,0": "1 line whose category is not 0 to 11: line 4 of a.txt (category 12)",
    "1,2,3,4,1,1,0": "1 line that are not eight numbers: line 4 of a.txt",
    "1,2,x,4,1,1,0,0": "1 line that are not eight numbers: line 4 of a.txt",
    "90,2,30,4,1,1,0,0": "1 line with a box that reaches more than 2 pixels out of its image: line 4 of a.txt",
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_lines_are_named(line: str, folder: Path, refuses: Refuses) -> None:
    file = folder / "VisDrone2019-DET-train" / "annotations" / "a.txt"
    file.write_text(file.read_text() + line + "\n")
    refuses(folder, WRONG[line], str(file))


def test_tracks_have_more_columns(tmp_path: Path, refuses: Refuses) -> None:
    """A near neighbor: videos of VisDrone and MOT have ten and nine numbers in a line."""
    write(tmp_path / "train", "1,7,10,20,30,40,1,4,0,0")
    write(tmp_path / "val", "1,7,10,20,30,40,1,4,0", name="b")
    refuses(tmp_path, "no annotations in the folder", str(tmp_path))
