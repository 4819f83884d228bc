"""DOTA: extents of oriented boxes, difficult objects, headers."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.annotations.source import DataSettings, find_format
from tests.annotations.refusals import Refuses
from tests.label_formats.samples import boxes, image, read, save

PLANE = "50.0 10.0 70.0 30.0 50.0 50.0 30.0 30.0 plane 0"
HEAD = ("imagesource:GoogleEarth", "gsd:0.146343")


def write(folder: Path, name: str, *lines: str, labels: str = "labelTxt") -> None:
    image(folder / "images" / f"{name}.png")
    save(folder / labels / f"{name}.txt", "".join(f"{line}\n" for line in lines))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Both splits; the first image has no objects."""
    write(tmp_path / "train", "P0000", *HEAD)
    write(tmp_path / "train", "P0001", *HEAD, PLANE, "90 60 110 60 110 70 90 70 small-vehicle 1")
    write(tmp_path / "val", "P0002", PLANE.removesuffix(" 0"), labels="labelTxt-v1.5")
    return tmp_path


def test_extents_outlines_and_difficult_ones(folder: Path) -> None:
    assert find_format(DataSettings(folder=str(folder))) == "dota"
    found = read(folder)
    assert found.file_names.tolist() == ["images/P0000.png", "images/P0001.png"]
    assert boxes(found, 0) == []
    # The second reaches 10 pixels out of the image, as boxes of planes at its border do, and is cut there.
    assert boxes(found, 1) == [("plane", 30, 10, 40, 40), ("small-vehicle", 90, 60, 10, 10)]
    assert found.areas.tolist() == [800, 200]
    assert found.segmentations[0] == [[50, 10, 70, 30, 50, 50, 30, 30]]
    assert found.difficult is not None
    assert found.difficult.tolist() == [False, True]
    assert boxes(read(folder, "val")) == [("plane", 30, 10, 40, 40)]
    assert any("2 oriented boxes; their boxes are the extents, 1 are difficult" in note for note in found.notes)


WRONG = {
    "1 2 3 4 5 6 7 plane 0": "1 line that are not eight numbers and a category: line 3 of P0000.txt",
    "1 2 3 4 5 6 7 x plane 0": "1 line that are not eight numbers and a category: line 3 of P0000.txt",
    f"{PLANE[:-1]}hard": "1 line where difficult is not 0 or 1: line 3 of P0000.txt (difficult hard)",
    "200 10 220 10 220 30 200 30 plane 0": "1 line outside of its image: line 3 of P0000.txt",
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_lines_are_named(line: str, folder: Path, refuses: Refuses) -> None:
    file = folder / "train" / "labelTxt" / "P0000.txt"
    file.write_text(file.read_text() + line + "\n")
    refuses(folder, WRONG[line], str(file))


def test_oriented_boxes_of_yolo_are_yolo(tmp_path: Path) -> None:
    """A near neighbor: class and eight shares of the image, with a data file."""
    save(tmp_path / "data.yaml", "names: [plane]\ntrain: train/images\nval: train/images\n")
    write(tmp_path / "train", "P0001", "0 0.5 0.125 0.7 0.375 0.5 0.625 0.3 0.375", labels="labels")
    assert find_format(DataSettings(folder=str(tmp_path))) == "yolo"
    assert boxes(read(tmp_path)) == [("plane", 30, 10, 40, 40)]


def test_other_text_files_are_not_dota(tmp_path: Path, refuses: Refuses) -> None:
    write(tmp_path / "train", "P0001", "0 0.5 0.5 0.2 0.2", labels="labels")  # YOLO without its data file
    refuses(tmp_path, "no annotations in the folder", str(tmp_path))


def test_two_versions_of_the_labels_are_refused(folder: Path, refuses: Refuses) -> None:
    save(folder / "train" / "labelTxt-v1.5" / "P0001.txt", PLANE.replace("plane", "ship"))
    refuses(folder, "2 folders of labels: labelTxt, labelTxt-v1.5", str(folder / "train"))
