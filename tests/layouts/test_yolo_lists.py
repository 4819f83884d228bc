"""Lists of images: where a line is looked for, and lists that were written on another machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.core.errors import InputError
from codo.layouts.yolo_lists import ListedImages, read_list
from tests.label_formats.samples import save


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("train/a.jpg", "train/b.jpg", "val/b.jpg", "val/c.jpg", "lists/d.jpg"):
        save(tmp_path / name, "")
    return tmp_path


def listed(root: Path, *lines: str) -> ListedImages:
    return read_list(save(root / "lists/train.txt", "\n".join(lines) + "\n"), root)


def found(root: Path, *lines: str) -> list[str]:
    return [path.relative_to(root).as_posix() for path in listed(root, *lines).images]


def test_lines_are_relative_to_the_list_or_to_the_data_file(root: Path) -> None:
    assert found(root, "d.jpg", "../train/a.jpg", "val/c.jpg", "data/val/b.jpg", "train\\b.jpg") == [
        *("lists/d.jpg", "train/a.jpg", "val/c.jpg", "val/b.jpg", "train/b.jpg"),
    ]
    assert listed(root, "d.jpg").note == ""


def test_a_list_of_another_machine(root: Path) -> None:
    assert found(root, "/home/me/set/train/a.jpg", "/home/me/set/train/b.jpg") == ["train/a.jpg", "train/b.jpg"]
    assert found(root, r"C:\set\val\b.jpg", r"C:\set\val\c.jpg") == ["val/b.jpg", "val/c.jpg"]
    note = listed(root, "/home/me/set/train/a.jpg").note
    assert "none of 1 images is there as written" in note
    assert "'/home/me/set/train/a.jpg' is train/a.jpg" in note


@pytest.mark.parametrize(
    "lines",
    [
        ("train/a.jpg", "/home/me/val/c.jpg"),  # one is there as written: the other would be there, too
        ("/home/me/train/a.jpg", "/home/me/train/gone.jpg"),
        ("/home/me/all/a.jpg", "/home/me/all/c.jpg"),  # of one folder there, of two splits here
    ],
)
def test_what_may_be_another_image_is_missing(root: Path, lines: tuple[str, ...]) -> None:
    images, absent, note = listed(root, *lines)
    assert len(images) + len(absent) == 2
    assert [line.text for line in absent][-1] == lines[-1]
    assert note == ""


def test_two_images_that_fit_are_asked_about(root: Path) -> None:
    with pytest.raises(InputError, match=r"'/home/me/b.jpg' \(line 1\) may be train/b.jpg or val/b.jpg") as caught:
        listed(root, "/home/me/b.jpg")
    assert len(caught.value.lines()) == 3
