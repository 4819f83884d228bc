"""Which files and folders are which split."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.core.errors import InputError
from codo.label_formats.sets import LabelSet, choose, file_sets, folder_sets, split_of
from tests.label_formats.samples import save


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("VisDrone2019-DET-train", "train"),
        ("oidv6-train-annotations-bbox", "train"),
        ("validation", "val"),
        ("Valid", "val"),
        ("test_dev", "test"),
        ("training", "train"),
        ("trainers", None),
        ("train_val", None),
        ("all", None),
    ],
)
def test_names_say_their_split(name: str, split: str | None) -> None:
    assert split_of(name) == split


def sets(*names: str) -> list[LabelSet]:
    return [LabelSet(name, Path(name)) for name in names]


def test_the_set_of_a_split() -> None:
    known = sets("my-train", "my-valid")
    assert choose(known, "train", None, "data").name == "my-train"
    assert choose(known, "val", None, "data").name == "my-valid"
    assert choose(known, "val", "my-train", "data").name == "my-train"
    assert choose(sets("all"), "train", None, "data").name == "all"


@pytest.mark.parametrize(
    ("names", "split", "named", "what", "fix"),
    [
        (["all"], "val", None, "there is one set of images, 'all'", "data.split=0.2"),
        (["train"], "val", None, "there is one set of images, 'train'", "data.split=0.2"),
        (["val"], "train", None, "no split 'train', but val", "data.train_split= (val)"),  # never trained on
        (["train", "x-test"], "val", None, "no split 'val', but train, x-test", "data.val_split=x-test"),
        (["train", "test"], "val", None, "no split 'val', but train, test", "data.val_split=test"),
        (["a-train", "b-train"], "train", None, "2 sets for train: a-train, b-train", "data.train_split=a-train"),
        (["train", "val"], "val", "vl", "no set 'vl' in the folder", "did you mean 'val'?"),
    ],
)
def test_what_is_not_clear_is_asked(names: list[str], split: str, named: str | None, what: str, fix: str) -> None:
    with pytest.raises(InputError) as caught:
        choose(sets(*names), split, named, "data")
    assert what in caught.value.what
    assert fix in caught.value.fix


def test_a_folder_per_split_or_one_for_all(tmp_path: Path) -> None:
    def has_labels(folder: Path) -> bool:
        return (folder / "x.txt").is_file()

    assert folder_sets(tmp_path, has_labels) == []
    for name in ("train", "val"):
        save(tmp_path / "split" / name / "x.txt", "")
        save(tmp_path / "topics" / f"{name}s" / "x.txt", "")  # names that say no split
    assert [one.name for one in folder_sets(tmp_path / "split", has_labels)] == ["train", "val"]
    assert folder_sets(tmp_path / "topics", has_labels) == [LabelSet("all", tmp_path / "topics")]
    save(tmp_path / "split" / "x.txt", "")
    assert [one.name for one in folder_sets(tmp_path / "split", has_labels)] == ["all"]
    assert folder_sets(tmp_path / "none", has_labels) == []


def test_one_file_per_split(tmp_path: Path) -> None:
    for name in (
        "train/x.json",
        "valid/x.json",
        "valid/y.json",
        "annotations/test.json",
        "only.json",
        "test/labels/z.json",
    ):
        save(tmp_path / name, "{}")
    found = file_sets(tmp_path, ".json", lambda path: True)
    assert {one.name for one in found} == {"only", "test", "train", "valid/x", "valid/y"}
    assert [one.path.name for one in found if one.name == "test"] == ["test.json", "z.json"]
    assert file_sets(tmp_path / "only.json", ".json", lambda path: True) == [LabelSet("only", tmp_path / "only.json")]
    assert file_sets(tmp_path / "only.json", ".csv", lambda path: True) == []
