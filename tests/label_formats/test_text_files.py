"""Text files beside images: which folder has them, and which image is whose."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.core.errors import InputError
from codo.label_formats.text_files import label_folders, lines_of, text_labels
from tests.label_formats.samples import image, save


def test_a_folder_is_recognized_by_most_lines_of_its_first_file(tmp_path: Path) -> None:
    def found() -> list[Path]:
        return label_folders(tmp_path, ("labels",), str.isdigit)

    assert found() == []
    save(tmp_path / "labels" / "a.txt", "\n")  # of an image without objects
    save(tmp_path / "labels" / "b.txt", "1\n2\nwrong\n")
    assert found() == [tmp_path / "labels"]
    save(tmp_path / "labels" / "b.txt", "1\nwrong\n")
    assert found() == []
    save(tmp_path / "c.txt", "1\n")
    assert found() == [tmp_path]
    save(tmp_path / "labels-2" / "a.txt", "1\n")
    save(tmp_path / "labels" / "b.txt", "1\n")
    assert found() == [tmp_path / "labels", tmp_path / "labels-2"]


def test_images_have_the_names_of_label_files(tmp_path: Path) -> None:
    for name in ("images/a.png", "images/deep/b.jpg", "images/c.png"):
        image(tmp_path / "train" / name)
    for name in ("a", "deep/b", "gone"):
        save(tmp_path / "train" / "labels" / f"{name}.txt", "1\n")
    found = text_labels(tmp_path / "train", [tmp_path / "train" / "labels"], "")
    assert [name for _, name in found.files] == [
        "images/a.png",
        "images/deep/b.jpg",
        "images/gone.jpg",  # is not there
    ]
    assert found.notes == [f"{tmp_path / 'train'}: 1 images without a label file are left out, the first: c"]


def test_label_files_beside_their_images(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    save(tmp_path / "a.txt", " 1 \n\n2\n")
    found = text_labels(tmp_path, [tmp_path], "")
    assert (found.files, found.notes) == ([(tmp_path / "a.txt", "a.png")], [])
    assert list(lines_of(tmp_path / "a.txt")) == [(1, "1"), (3, "2")]


@pytest.mark.parametrize("other", ["a_drawings", "predictions", "zz/masks"])
def test_images_of_the_folder_named_images_are_the_labeled_ones(other: str, tmp_path: Path) -> None:
    """Other folders may have drawings of the same names, before and after it in the alphabet."""
    for folder in ("Images", other):
        image(tmp_path / folder / "a.png")
    save(tmp_path / "labels" / "a.txt", "1\n")
    found = text_labels(tmp_path, [tmp_path / "labels"], "")
    assert [name for _, name in found.files] == ["Images/a.png"]
    assert found.notes == []


def test_labels_of_which_two_images_may_be_meant_are_refused(tmp_path: Path) -> None:
    for name in ("photos/a.jpg", "masks/a.png", "photos/b.jpg", "masks/c.png"):
        image(tmp_path / name)
    save(tmp_path / "labels" / "b.txt", "1\n")
    assert [name for _, name in text_labels(tmp_path, [tmp_path / "labels"], "").files] == ["photos/b.jpg"]
    save(tmp_path / "labels" / "a.txt", "1\n")
    with pytest.raises(InputError, match=r"2 images may be that of the labels: masks/a\.png, photos/a\.jpg") as error:
        text_labels(tmp_path, [tmp_path / "labels"], "")
    assert error.value.where == str(tmp_path / "labels" / "a.txt")


def test_one_folder_of_labels_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no labels in the folder"):
        text_labels(tmp_path, [], "write lines")
    with pytest.raises(InputError, match="2 folders of labels: old, new"):
        text_labels(tmp_path, [tmp_path / "old", tmp_path / "new"], "")
