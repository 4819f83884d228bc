"""CVAT's export "YOLO 1.1": obj.data, obj.names, and lists of images with their labels beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.annotations.source import DataSettings, find_format, read_annotations, resolved
from codo.layouts.darknet import is_darknet, without_data
from tests.annotations.refusals import Refuses
from tests.label_formats.samples import boxes, image, read, save

DATA = "classes = 2\ntrain = data/train.txt\nvalid = data/valid.txt\nnames = data/obj.names\nbackup = backup/\n"


@pytest.fixture
def cvat(tmp_path: Path) -> Path:
    """Both subsets, as CVAT packs them."""
    save(tmp_path / "obj.data", DATA)
    save(tmp_path / "obj.names", "cat\nsleeping dog\n")
    for split, name in (("train", "a b"), ("valid", "b")):
        image(tmp_path / f"obj_{split}_data" / f"{name}.png")
        save(tmp_path / f"obj_{split}_data" / f"{name}.txt", "1 0.250000 0.500000 0.300000 0.500000\n")
        save(tmp_path / f"{split}.txt", f"data/obj_{split}_data/{name}.png\n")
    return tmp_path


def test_both_subsets(cvat: Path) -> None:
    assert find_format(DataSettings(folder=str(cvat))) == "yolo"
    train, val = read(cvat), read(cvat, "val")
    assert [tuple(c) for c in train.categories] == [(0, "cat"), (1, "sleeping dog")]
    for found, name in ((train, "obj_train_data/a b.png"), (val, "obj_valid_data/b.png")):
        assert found.file_names.tolist() == [name]
        assert boxes(found) == [("sleeping dog", 10, 20, 30, 40)]
    assert any("a data file of Darknet" in note for note in train.notes)


def test_the_data_file_may_be_named_and_is_kept(cvat: Path) -> None:
    data = DataSettings(folder=str(cvat / "obj.data"))
    explicit = resolved(data, *(read_annotations(data, split) for split in ("train", "val")))
    assert (explicit.folder, explicit.val_split) == (str(cvat / "obj.data"), "valid")
    assert read_annotations(explicit, "val").file_names.tolist() == ["obj_valid_data/b.png"]


def test_inside_the_folder_data_the_paths_are_as_written(tmp_path: Path, cvat: Path) -> None:
    inner = tmp_path / "data"
    inner.mkdir()
    for path in [one for one in cvat.iterdir() if one not in (inner, cvat / "obj.data")]:
        path.rename(inner / path.name)
    (inner / "train.txt").write_text("data/obj_train_data/a b.png\n")
    assert read(cvat).file_names.tolist() == ["data/obj_train_data/a b.png"]


def test_lists_without_the_images(cvat: Path, refuses: Refuses) -> None:
    """CVAT leaves the images out unless asked."""
    lists = cvat / "train.txt"
    lists.write_text(lists.read_text() + "data/obj_train_data/gone.png\n")
    refuses(cvat, "1 of 2 images missing; the first: data/obj_train_data/gone.png (line 2)", str(lists))
    found = read(cvat, missing="skip")
    assert (len(found), found.missing) == (1, ("data/obj_train_data/gone.png",))
    assert any("1 of 2 images are not there and were left out" in note for note in found.notes)


def test_paths_of_another_machine(cvat: Path, refuses: Refuses) -> None:
    """As people write them for Darknet: absolute, also in the lists."""
    save(cvat / "obj.data", DATA.replace("data/", "/home/me/darknet/data/"))
    for split in ("train", "valid"):
        lines = (cvat / f"{split}.txt").read_text().replace("data/obj", "/home/me/darknet/data/obj")
        (cvat / f"{split}.txt").write_text(lines)
    found = read(cvat)
    assert found.file_names.tolist() == ["obj_train_data/a b.png"]
    assert boxes(found) == [("sleeping dog", 10, 20, 30, 40)]
    told = "\n".join(found.notes)
    assert "/home/me/darknet/data/obj.names is not there, and is read as obj.names beside it" in told
    assert "'/home/me/darknet/data/obj_train_data/a b.png' is obj_train_data/a b.png" in told
    (cvat / "train.txt").write_text("/else/b.png\n")
    assert read(cvat).file_names.tolist() == ["obj_valid_data/b.png"]
    image(cvat / "other" / "b.png")
    refuses(cvat, "'/else/b.png' (line 1) may be obj_valid_data/b.png or other/b.png", "train.txt")
    (cvat / "train.txt").write_text("/else/gone.png\n")
    refuses(cvat, "1 of 1 images missing; the first: /else/gone.png (line 1)", "train.txt")


def test_wrong_data_files(cvat: Path, refuses: Refuses) -> None:
    (cvat / "obj.data").write_text(DATA.replace("2", "3"))
    refuses(cvat, "classes is 3, but there are 2 names in obj.names", "obj.data")
    (cvat / "obj.names").write_text("cat\n\ndog\n")
    refuses(cvat, "has an empty line", "obj.names")
    (cvat / "obj.names").unlink()
    refuses(cvat, "the file of class names is not there: data/obj.names", "obj.data")


def test_other_files_with_this_extension_are_not_taken(tmp_path: Path) -> None:
    assert not is_darknet(save(tmp_path / "weights.data", "a = 1\n"))
    (tmp_path / "binary.data").write_bytes(bytes(range(256)))
    assert not is_darknet(tmp_path / "binary.data")
    assert without_data("./data/train.txt") == "train.txt"
    assert without_data("other/train.txt") == "other/train.txt"
