"""Images in folders named after their class."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.core.errors import InputError
from codo.layouts.class_folders import read_class_folders
from tests.catalog.pictures import write_folder


def test_classes_are_the_folders_by_name(tmp_path: Path) -> None:
    files = ["dog/1.jpg", "cat/b/2.PNG", "cat/1.jpg", "cat/notes.txt", "cat/._1.jpg", ".cache/1.jpg", "beside.jpg"]
    read = read_class_folders(write_folder(tmp_path, dict.fromkeys(files, b"x")))
    assert read.classes == ("cat", "dog")
    assert [path.relative_to(tmp_path).as_posix() for path in read.paths] == ["cat/1.jpg", "cat/b/2.PNG", "dog/1.jpg"]
    assert read.labels.tolist() == [0, 0, 1]


def test_thumbnails_are_no_classes_and_no_images(tmp_path: Path) -> None:
    """A NAS writes a folder named like each photograph into @eaDir."""
    files = ["@eaDir/1.jpg", "cat/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", "cat/.ipynb_checkpoints/1.jpg", "cat/1.jpg"]
    read = read_class_folders(write_folder(tmp_path / ".data", dict.fromkeys(files, b"x")))
    assert read.classes == ("cat",)
    assert [path.name for path in read.paths] == ["1.jpg"]


def test_the_other_split_numbers_its_classes_alike(tmp_path: Path) -> None:
    write_folder(tmp_path, {"dog/1.jpg": b"x"})
    assert read_class_folders(tmp_path, ("cat", "dog")).labels.tolist() == [1]
    with pytest.raises(InputError, match=r"1 classes of this split are not in the other \(the first: dog\)"):
        read_class_folders(tmp_path, ("cat",))


def test_what_has_no_class_folders_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        read_class_folders(tmp_path / "none")
    with pytest.raises(InputError, match="in class folders"):
        read_class_folders(write_folder(tmp_path, {"1.jpg": b"x"}))
