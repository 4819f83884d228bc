"""Label files of YOLO: classes, sizes, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import yaml
from PIL import Image

from codo.annotations.source import read_annotations
from tests.annotations.layouts import settings
from tests.annotations.refusals import Refuses, Spoil
from tests.annotations.yolo.conftest import RefusesLines


def with_names(folder: Path, names: dict[int, str]) -> Path:
    """Change the names of classes in a YOLO data file."""
    path = folder / "data.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "names": names}))
    return folder


def test_names_by_index_and_ids(yolo: Path) -> None:
    read = read_annotations(settings(with_names(yolo, {4: "late", 0: "box", 1: "disc"})), "train")
    assert [tuple(category) for category in read.categories] == [(0, "box"), (1, "disc"), (4, "late")]
    assert "late (id 4)" in read.warnings[0]


def test_images_without_labels_have_no_objects_and_labels_without_images_are_reported(yolo: Path) -> None:
    (yolo / "labels/train/001.txt").unlink()
    (yolo / "labels/train/000.txt").write_text("\n")
    (yolo / "labels/train/beside.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    read = read_annotations(settings(yolo), "train")
    assert read.images_with_objects().tolist() == [2]
    assert any("1 label files without an image; the first: beside.txt" in warning for warning in read.warnings)


def test_sizes_are_those_of_the_image_as_it_is_looked_at(yolo: Path) -> None:
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


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        (
            {"001": "2 0.5 0.5 0.2 0.2", "003": "7 0.5 0.5 0.2 0.2"},
            "2 lines whose class is not among the names; the first: line 2 of 001.txt (class 2)",
        ),
        ({"001": "0.5 0.5 0.5 0.2 0.2"}, "1 line whose class is not among the names: line 2 of 001.txt (class 0.5)"),
        (
            {"001": "0 0.5 0.5 0.2 0.2 0.9", "002": "0 0.5 0.5 0.2"},
            "2 lines with a wrong number of columns; the first: line 2 of 001.txt (6 columns, as in files",
        ),
        ({"001": "cat 0.5 0.5 0.2 0.2"}, "1 line with something other than finite numbers: line 2 of 001.txt (cat 0.5"),
        ({"001": "0 0.5 nan 0.2 0.2"}, "1 line with something other than finite numbers: line 2 of 001.txt (0 0.5 nan"),
    ],
)
def test_wrong_lines(lines: dict[str, str], what: str, refuses_lines: RefusesLines) -> None:
    refuses_lines(lines, what)


def test_an_image_that_is_none(spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("yolo")
    (data / "images/train/002.png").write_text("text")
    refuses(data, "1 image that cannot be read: 002.png (unreadable: not an image", "images/train/002.png")
