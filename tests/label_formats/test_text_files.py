"""Text files beside images: which folder has them, and which image is whose."""

from __future__ import annotations

from pathlib import Path

from codo.label_formats.text_files import label_folder, lines_of, text_labels
from tests.label_formats.samples import image, save


def test_a_folder_is_recognized_by_most_lines_of_its_first_file(tmp_path: Path) -> None:
    def found() -> Path | None:
        return label_folder(tmp_path, ("labels",), str.isdigit)

    assert found() is None
    save(tmp_path / "labels" / "a.txt", "\n")  # of an image without objects
    save(tmp_path / "labels" / "b.txt", "1\n2\nwrong\n")
    assert found() == tmp_path / "labels"
    save(tmp_path / "labels" / "b.txt", "1\nwrong\n")
    assert found() is None
    save(tmp_path / "c.txt", "1\n")
    assert found() == tmp_path


def test_images_have_the_names_of_label_files(tmp_path: Path) -> None:
    for name in ("images/a.png", "images/deep/b.jpg", "images/c.png"):
        image(tmp_path / "train" / name)
    for name in ("a", "deep/b", "gone"):
        save(tmp_path / "train" / "labels" / f"{name}.txt", "1\n")
    found = text_labels(tmp_path / "train", tmp_path / "train" / "labels")
    assert [name for _, name in found.files] == [
        "images/a.png",
        "images/deep/b.jpg",
        "images/gone.jpg",  # is not there
    ]
    assert found.notes == [f"{tmp_path / 'train'}: 1 images without a label file are left out, the first: c"]


def test_label_files_beside_their_images(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    save(tmp_path / "a.txt", " 1 \n\n2\n")
    found = text_labels(tmp_path, tmp_path)
    assert (found.files, found.notes) == ([(tmp_path / "a.txt", "a.png")], [])
    assert list(lines_of(tmp_path / "a.txt")) == [(1, "1"), (3, "2")]
