"""``codo convert``: every format written as COCO and read again is the same, and what was understood is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import codo
from codo.annotations.records import Annotations
from codo.annotations.source import DataSettings, read_annotations
from codo.cli import main
from codo.core.errors import InputError
from tests.annotations.conftest import answer as answer
from tests.annotations.conftest import right as right
from tests.annotations.refusals import check_lines, state
from tests.label_formats import (
    test_createml,
    test_dota,
    test_label_studio,
    test_labelme,
    test_open_images,
    test_via,
    test_visdrone,
)
from tests.label_formats.samples import image, read, save

Answer = Callable[[list[str]], list[str]]


def same(one: Annotations, other: Annotations, *, crowds: bool = True) -> None:
    """The same images, boxes, classes and outlines."""
    assert len(one) == len(other)
    names = [[c.name for c in annotations.categories] for annotations in (one, other)]
    assert names[0] == names[1]
    for i in range(len(one)):
        assert one.path(i).resolve() == other.path(i).resolve()
    for name in ("sizes", "image_ids", "bbox", "labels", "areas", "ignored" if crowds else "labels"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert [one.segmentations[i] for i in range(len(one.labels))] == [
        other.segmentations[i] for i in range(len(other.labels))
    ]


def settings_of(line: str) -> dict[str, str]:
    """The settings of the line with which the files are read, as keys of `DataSettings`."""
    words = [word.partition("=") for word in line.split()]
    return {key.removeprefix("data.") if key != "data" else "folder": value for key, _, value in words}


@pytest.mark.parametrize("kind", ["coco", "voc", "yolo"])
def test_the_formats_that_were_read_before(kind: str, right: dict[str, Path], tmp_path: Path) -> None:
    done = codo.convert(right[kind], tmp_path / "out")
    assert [path.name for path in done.files] == ["instances_train.json", "instances_val.json"]
    assert done.lines[0] == f"format: {kind}"
    data = DataSettings.model_validate(settings_of(done.next))
    for split in ("train", "val"):
        same(read(right[kind], split), read_annotations(data, split))


def _labelme(folder: Path) -> None:
    image(folder / "a.png")
    polygon = test_labelme.shape("dog", "polygon", [[50, 10], [90, 10], [90, 70]])
    save(folder / "a.json", test_labelme.labels("a.png", test_labelme.RECTANGLE, polygon))


def _via(folder: Path) -> None:
    test_via.write(folder, test_via.entry("a.png", test_via.region(test_via.RECT, type="cat")))


def _createml(folder: Path) -> None:
    image(folder / "a.png")
    save(folder / "labels.json", [test_createml.row("a.png", test_createml.box("cat", 25, 40, 30, 40))])


def _label_studio(folder: Path) -> None:
    image(folder / "a.png")
    test_label_studio.write(folder, test_label_studio.task(test_label_studio.RECTANGLE))


def _open_images(folder: Path) -> None:
    image(folder / "train" / "00a1.jpg")
    rows = [test_open_images.line("00a1"), test_open_images.line("00a1", flags="0,0,1,0,0")]
    save(folder / "train-annotations-bbox.csv", test_open_images.HEAD + "".join(rows))


def _visdrone(folder: Path) -> None:
    test_visdrone.write(folder, "10,20,30,40,1,4,0,0", "50,10,40,60,0,4,0,0", "1,2,3,4,1,1,0,0")


def _dota(folder: Path) -> None:
    test_dota.write(folder, "P0001", test_dota.PLANE, test_dota.PLANE[:-1] + "1")


@pytest.mark.parametrize("write", [_labelme, _via, _createml, _label_studio, _open_images, _visdrone, _dota])
def test_the_formats_of_other_tools(write: Callable[[Path], None], tmp_path: Path) -> None:
    """One set each, so that the file is the one that is split."""
    write(tmp_path / "in")
    done = codo.convert(tmp_path / "in", tmp_path / "out")
    assert [path.name for path in done.files] == ["instances_default.json"]
    assert done.lines[0] == f"format: {write.__name__.strip('_')}"
    found = settings_of(done.next)
    assert found.pop("split") == "0.2"
    same(read(tmp_path / "in"), read(Path(found.pop("folder")), **found))
    assert (tmp_path / "out" / "data.txt").read_text().splitlines() == done.lines


def test_objects_to_be_ignored_alone_are_read_again(tmp_path: Path) -> None:
    """A class that has nothing else is asked about in a COCO file, where it may be a mistake."""
    test_dota.write(tmp_path / "in", "P0001", test_dota.PLANE[:-1] + "1")
    found = settings_of(codo.convert(tmp_path / "in", tmp_path / "out").next)
    assert found.pop("split") == "0.2"
    again = read(Path(found.pop("folder")), **found)
    assert again.ignored.tolist() == read(tmp_path / "in").ignored.tolist() == [True]


def test_what_was_understood_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _labelme(tmp_path / "in")
    out = tmp_path / "out"
    assert main(["convert", "data.missing=skip", "--out", str(out), str(tmp_path / "in"), "--to", "coco"]) == 0
    printed = capsys.readouterr().out.splitlines()
    counts = "default: 1 images, 2 objects (1 with an outline, 0 to be ignored), 2 classes (cat, dog)"
    assert printed[:2] == ["format: labelme", f"{counts} in {tmp_path / 'in'}"]
    assert printed[-2] == f"wrote {out / 'annotations/instances_default.json'}"
    assert printed[-1] == f"next: codo finetune data={out} data.images={tmp_path / 'in'} data.split=0.2 …"
    written = json.loads((out / "annotations/instances_default.json").read_text())
    assert written["images"] == [{"id": 1, "height": 80, "width": 100, "file_name": "a.png"}]
    assert [one["bbox"] for one in written["annotations"]] == [[10, 20, 30, 40], [50, 10, 40, 60]]


def test_a_file_and_settings(tmp_path: Path) -> None:
    _via(tmp_path / "in")
    save(tmp_path / "in" / "other.json", {"camera": 1})
    done = codo.convert(tmp_path / "in/via_export_json.json", tmp_path / "out", data={"class_attribute": "type"})
    assert done.lines[0] == "format: via"
    halves = codo.convert(tmp_path / "in", tmp_path / "named", **{"data.format": "via"})
    assert halves.lines[1] == done.lines[1]


def test_images_that_are_not_there_are_listed(tmp_path: Path) -> None:
    _labelme(tmp_path / "in")
    save(tmp_path / "in" / "gone.json", test_labelme.labels("gone.png", test_labelme.RECTANGLE))
    with pytest.raises(InputError, match="1 of 2 images missing"):
        codo.convert(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    codo.convert(tmp_path / "in", tmp_path / "out", data={"missing": "skip"})
    assert (tmp_path / "out" / "missing_images.txt").read_text() == "gone.png\n"


def test_nothing_is_overwritten(tmp_path: Path, answer: Answer) -> None:
    _labelme(tmp_path / "in")
    save(tmp_path / "out" / "notes.txt", "mine")
    lines = answer(["convert", str(tmp_path / "in"), "--out", str(tmp_path / "out")])
    check_lines(lines, "the folder to write exists and is not empty", str(tmp_path / "out"))
    lines = answer(["convert", str(tmp_path / "in"), "--out", str(tmp_path / "out" / "notes.txt")])
    check_lines(lines, "the folder to write exists and is not empty", "notes.txt")
    (tmp_path / "empty").mkdir()
    codo.convert(tmp_path / "in", tmp_path / "empty")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--out", "OUT"], "no labeled data are given"),
        (["IN", "IN", "--out", "OUT"], "2 sources are given"),
        (["IN"], "the folder to write is not named"),
        (["IN", "--out", "OUT", "--to", "coc"], "unknown format 'coc'"),
        (["IN", "--out", "OUT", "data.formt=via"], "unknown setting 'data.formt'"),
        (["IN", "--out", "OUT", "data.format=via"], "no VIA's JSON in the folder"),
        (["IN/none", "--out", "OUT"], "no such folder"),
    ],
)
def test_wrong_commands(arguments: list[str], what: str, tmp_path: Path, answer: Answer) -> None:
    _labelme(tmp_path / "in")
    places = [word.replace("IN", str(tmp_path / "in")).replace("OUT", str(tmp_path / "out")) for word in arguments]
    before = state(tmp_path)
    check_lines(answer(["convert", *places]), what, "")
    assert state(tmp_path) == before
