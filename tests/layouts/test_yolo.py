"""Which images belong to a split of a YOLO data file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from codo.annotations.source import read_annotations
from codo.core.errors import InputError
from codo.layouts.yolo import images_of, read_data_file
from tests.annotations.layouts import names, settings, write_yolo
from tests.annotations.refusals import Refuses, Spoil, replace_in
from tests.annotations.synthetic import coco


def describe(folder: Path, **values: Any) -> Path:
    """Change a YOLO data file."""
    path = folder / "data.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **values}))
    return folder


def test_splits_by_every_spelling(yolo: Path) -> None:
    train, val = names(yolo, "train"), names(yolo, "val")
    assert train == [f"images/train/{i:03}.png" for i in range(3)]
    assert val == [f"images/val/{i:03}.png" for i in range(2)]
    assert names(describe(yolo, train=["images/train", "images/val"]), "train") == train + val
    assert names(describe(yolo, path="images", train="train", val="val"), "train") == train
    assert names(describe(yolo, path=str(yolo), train="images/train"), "train") == train
    assert names(describe(yolo, path=None, train="../images/train"), "train") == train  # as one exporter writes it
    assert names(describe(yolo, train=None, val=None), "train") == train  # the usual folders
    (yolo / "list.txt").write_text("./images/train/001.png\n\nimages/val/000.png\n")
    assert names(describe(yolo, train="list.txt"), "train") == ["images/train/001.png", "images/val/000.png"]
    assert names(yolo / "data.yaml", "train", train_split="val") == val
    assert names(yolo, "val", val_split="train") == names(yolo, "train")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("[yes, no]", {0: "yes", 1: "no"}),
        ("[on, 007]", {0: "on", 1: "007"}),
        ("{'0': cat, '1': dog}", {0: "cat", 1: "dog"}),
        ("{1: 1.50, 0: null}", {0: "null", 1: "1.50"}),
        ("\n- yes\n- 'no'\n", {0: "yes", 1: "no"}),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_class_names_are_read_as_they_are_written(
    yolo: Path, written: str, expected: dict[int, str], encoding: str
) -> None:
    path = yolo / "data.yaml"
    path.write_text(f"names: {written}\nnc: 2\ntrain: images/train\nval: images/val\n", encoding=encoding)
    read = read_annotations(settings(yolo), "train")
    assert {one.id: one.name for one in read.categories} == expected
    as_values = [name for name in expected.values() if name not in ("cat", "dog")]
    assert [note for note in read.notes if "are read as text, not as values of YAML" in note] == (
        [read.notes[0]] if as_values else []
    )


def test_tabs_behind_colons_are_read(yolo: Path) -> None:
    """PyYAML's own parser refuses what libyaml reads."""
    (yolo / "data.yaml").write_text("names:\t[cat, dog]\nnc:\t2\ntrain: images/train\nval: images/val\n")
    assert [one.name for one in read_annotations(settings(yolo), "train").categories] == ["cat", "dog"]


def test_hidden_and_foreign_files_are_no_images_and_no_labels(yolo: Path) -> None:
    """A picture without objects more would lower every precision; a folder named like a picture cannot be read."""
    before = read_annotations(settings(yolo), "train")
    for name in (".ipynb_checkpoints/000-checkpoint.png", "._000.png", "@eaDir/000.png/SYNOPHOTO_THUMB_M.png"):
        for kind in ("images", "labels"):
            path = yolo / kind / "train" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((yolo / "images/train/000.png").read_bytes())
    (yolo / "images/train/Thumbs.db").write_bytes(b"x")
    (yolo / "labels/train/._001.txt").write_bytes(b"\0\5\x16\7")
    (yolo / "._data.yaml").write_bytes(b"\0\5\x16\7")
    read = read_annotations(settings(yolo), "train")
    assert read.file_names.tolist() == before.file_names.tolist()
    assert read.warnings == before.warnings
    assert read.notes == (f"{yolo}/images/train: 3 hidden files and folders are left out, the first: ._000.png",)


def test_a_data_set_may_be_in_a_hidden_folder(yolo: Path, tmp_path: Path) -> None:
    moved = yolo.rename(tmp_path / ".cache")
    assert len(names(moved, "train")) == 3


def test_test_instead_of_val_is_told_and_only_train_is_asked_about(
    yolo: Path, answer: Callable[[list[str]], list[str]]
) -> None:
    describe(yolo, val=None, test="images/val")
    (yolo / "images/val").rename(yolo / "images/held")
    describe(yolo, val=None, test="images/held")
    (yolo / "labels/val").rename(yolo / "labels/held")
    read = read_annotations(settings(yolo), "val")
    assert read.notes[0] == f"{yolo}/data.yaml: there is no 'val', so 'test' is; data.val_split= chooses another"
    assert read_annotations(settings(yolo, val_split="test"), "val").notes == ()
    describe(yolo, test=None)
    lines = answer(["finetune", f"data={yolo}", f"out={yolo / 'run'}", "steps=1"])
    assert lines[0] == "codo: there is one set of images, 'train', and no other to evaluate on"
    assert "data.split=0.2" in lines[2]
    assert len(read_annotations(settings(yolo, split=0.4), "val")) == 1


def test_layouts_with_the_split_first_and_other_file_names(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path, {"train": coco(2), "valid": coco(1, seed=3)}, images="{split}/images")
    (folder / "data.yaml").rename(folder / "animals.yaml")
    assert names(folder, "train") == ["train/images/000.png", "train/images/001.png"]
    assert names(folder, "val") == ["valid/images/000.png"]
    assert len(read_annotations(settings(folder), "val").labels) == 2


def test_links_to_images_keep_their_labels(yolo: Path, tmp_path: Path) -> None:
    (yolo / "images").rename(tmp_path / "photographs")
    (yolo / "images").symlink_to(tmp_path / "photographs")
    assert len(read_annotations(settings(yolo), "train").images_with_objects()) == 3


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("names:\n", "nc: 3\nnames:\n", "nc is 3, but there are 2 names"),
        ("names:\n- box\n- disc", "names: two", "the data file has no class names"),
        ("names:\n- box\n- disc", "names: {a: box}", "the data file has no class names"),
        ("names:\n- box\n- disc", "names: {0: box, '0': disc}", "two class names have the same number"),
        ("- disc", "-", "class 1 has no name"),
        ("- disc", "- b: disc", "class 1 has no name"),
        ("- disc", "- box", "1 name used by more than one class; the first: 'box' (ids 0, 1)"),
    ],
)
def test_wrong_names_of_classes(old: str, new: str, what: str, spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("yolo")
    replace_in(data / "data.yaml", old=old, new=new)
    refuses(data, what, "data.yaml")


@pytest.mark.parametrize(
    ("folder", "what"),
    [
        ("images/train", "no folder or list of the images of 'train': "),
        ("labels", "none of 4 images has a label file; the first would be "),
    ],
)
def test_missing_folders(folder: str, what: str, spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("yolo")
    (data / folder).rename(data / "elsewhere")
    refuses(data, what, "data.yaml")


def test_missing_images_of_a_list(spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("yolo")
    names = ["000", "001", "8", "9"]
    (data / "train.txt").write_text("".join(f"./images/train/{name}.png\n" for name in names))
    replace_in(data / "data.yaml", old="train: images/train", new="train: train.txt")
    what = "2 of 4 images missing; the first: ./images/train/8.png (line 3)"
    refuses(data, what, "train.txt")


def test_missing_images_are_skipped_on_request(spoil: Spoil) -> None:
    """A list names them; in a folder, a label file without an image tells of one."""
    data = spoil("yolo")
    (data / "images/train/001.png").unlink()
    read = read_annotations(settings(data, missing="skip"), "train")
    assert (read.missing, len(read)) == (("labels/train/001.txt",), 3)
    assert any("1 of 4 images are not there and were left out (data.missing=skip)" in note for note in read.notes)
    assert read_annotations(settings(data), "train").missing == ()  # only a warning, as before
    (data / "list.txt").write_text("images/train/000.png\nimages/train/001.png\n")
    read = read_annotations(settings(describe(data, train="list.txt"), missing="skip"), "train")
    assert (read.missing, read.file_names.tolist()) == (("images/train/001.png",), ["images/train/000.png"])


def test_an_unknown_split(right: dict[str, Path], refuses: Refuses) -> None:
    what = "no split 'trian' in the data file"
    refuses(right["yolo"], what, "data.yaml", "data.train_split=trian")


def test_class_names_alone_are_the_data_file_of_one_set(yolo: Path, tmp_path: Path) -> None:
    """As Label Studio exports YOLO: classes.txt, images/, labels/, and notes.json, which is no COCO file."""
    whole = read_annotations(settings(yolo), "train")
    out = tmp_path / "label_studio"
    out.mkdir()
    for name in ("images", "labels"):
        (yolo / name / "train").rename(out / name)
    classes = yaml.safe_load((yolo / "data.yaml").read_text())["names"]
    (out / "classes.txt").write_text("\n".join(classes) + "\n")
    (out / "notes.json").write_text('{"categories": [{"id": 0, "name": "cat"}], "info": {"year": 2026}}')
    with pytest.raises(InputError, match="no other to evaluate on") as caught:
        read_annotations(settings(out), "val")
    assert "data.split=0.2" in str(caught.value.fix)
    read = read_annotations(settings(out), "train")
    assert read.categories == whole.categories
    assert read.bbox.tolist() == whole.bbox.tolist()
    assert read.labels.tolist() == whole.labels.tolist()
    assert any("class names without a data file" in note for note in read.notes)
    (out / "classes.txt").write_text("")
    with pytest.raises(InputError, match="file of class names is empty"):
        read_annotations(settings(out), "train")


@pytest.mark.parametrize("text", ["", "names: [a]\ntrain: " + "x" * 5000])
def test_data_files_that_name_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(InputError):
        images_of(read_data_file(tmp_path / "data.yaml"), "train")
