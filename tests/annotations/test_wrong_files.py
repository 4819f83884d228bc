"""Wrong files on the command line: three lines that name the first offending entry and the count, and nothing written.

The ten kinds of COCO's format, and what corresponds to them in VOC's and YOLO's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from codo.cli import main
from tests.annotations.layouts import copy, write_coco, write_voc, write_yolo
from tests.annotations.synthetic import coco

Truth = dict[str, Any]


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two splits of four images with two objects each, in every format."""
    folder = tmp_path_factory.mktemp("right")
    splits = {"train": coco(4, seed=1), "val": coco(4, seed=2)}
    return {
        "coco": write_coco(folder / "coco", splits),
        "voc": write_voc(folder / "voc", splits),
        "yolo": write_yolo(folder / "yolo", splits, outlines=False),
    }


def told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What ``codo`` prints on a command that it refuses."""
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.splitlines()


def check(lines: list[str], what: str, where: str) -> None:
    """Three lines: what, where, fix."""
    assert len(lines) == 3, lines
    assert what in lines[0]
    assert lines[1].startswith("  where: ")
    assert where in lines[1]
    assert lines[2].startswith("  fix:   ")
    assert len(lines[2]) > len("  fix:   ") + 5


def state(folder: Path) -> dict[str, float]:
    """Every file below a folder, with the time of its last change."""
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def refused(data: Path, what: str, where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> None:
    """Finetuning refuses the data and writes nothing."""
    before = state(tmp_path)
    lines = told(["finetune", f"data={data}", f"out={tmp_path / 'run'}", "steps=1", *more], capsys)
    check(lines, what, where)
    assert state(tmp_path) == before


def each(rows: list[dict[str, Any]], **values: Any) -> None:
    for row in rows:
        row.update(values)


CODE = {"size": [32, 48], "counts": [0, 32 * 48]}

COCO: dict[str, tuple[Callable[[Truth], Any], str]] = {
    "duplicate ids": (
        lambda t: each(t["annotations"][3:5], id=2),
        "1 annotation id is used more than once; the first: annotation id 2",
    ),
    "duplicate image ids": (
        lambda t: each(t["images"][1:], id=10),
        "1 image id is used more than once; the first: image id 10",
    ),
    "category gaps": (
        lambda t: each(t["annotations"][1:4], category_id=5),
        "3 annotations whose category_id is not among the categories; the first: annotation 2 (category_id 5)",
    ),
    "boxes outside the image": (
        lambda t: each(t["annotations"][2:4], bbox=[90, 10, 20, 20]),
        "2 annotations with a box that reaches more than 2 pixels out of its image; the first: annotation 3 "
        "(bbox [90.0, 10.0, 20.0, 20.0] in 96 x 64)",
    ),
    "negative sizes": (
        lambda t: each(t["annotations"][5:], bbox=[30, 20, -4, 5]),
        "3 annotations with a box of negative size; the first: annotation 6 (bbox [30.0, 20.0, -4.0, 5.0])",
    ),
    "empty segmentation": (
        lambda t: each(t["annotations"][4:6], segmentation=[]),
        "2 of 8 annotations have an empty segmentation; the first: annotation 5 of 002.png",
    ),
    "RLE of another size": (
        lambda t: each(t["annotations"][6:], segmentation=CODE),
        "2 annotations with a wrong segmentation; the first: annotation 7 "
        "(RLE of size [32, 48] in an image of height 64, width 96)",
    ),
    "strings for numbers": (
        lambda t: each(t["annotations"][1:3], bbox=["1", "2", "3", "4"]),
        "2 annotations where 'bbox' is not four numbers; the first: annotation 2 (bbox ['1', '2', '3', '4'])",
    ),
    "negative areas": (
        lambda t: each(t["annotations"][1:3], area=-4),
        "2 annotations where 'area' is negative; the first: annotation 2 (area -4)",
    ),
    "an image listed twice": (
        lambda t: each(t["images"][2:], file_name="000.png"),
        "2 images with the file_name of another; the first: image 20 (000.png)",
    ),
    "two categories of one name": (
        lambda t: each(t["categories"], name="box"),
        "1 name of more than one class; the first: 'box' (ids 3, 8)",
    ),
    "strings for ids": (
        lambda t: each(t["annotations"][1:3], image_id="10"),
        "2 annotations where 'image_id' is not an integer; the first: annotation 2 (image_id '10')",
    ),
}


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("name", COCO)
def test_coco(
    name: str, split: str, right: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, what = COCO[name]
    data = copy(right["coco"], tmp_path / "data")
    file = data / "annotations" / f"instances_{split}.json"
    truth = json.loads(file.read_text())
    change(truth)
    file.write_text(json.dumps(truth))
    refused(data, what, str(file), tmp_path, capsys)


def test_coco_images_missing_on_disk(
    right: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = copy(right["coco"], tmp_path / "data")
    for name in ("001.png", "003.png"):
        (data / "train" / name).unlink()
    what = f"2 of 4 images missing in {data / 'train'}; the first: 001.png"
    refused(data, what, "instances_train.json", tmp_path, capsys)


def test_coco_images_of_another_size(
    right: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = copy(right["coco"], tmp_path / "data")
    for name in ("001.png", "003.png"):
        cv2.imwrite(str(data / "val" / name), np.zeros((32, 48, 3), np.uint8))
    what = "2 images of another size than the annotations are for; the first: 001.png (48 x 32 pixels, annotated as 96"
    refused(data, what, "val/001.png", tmp_path, capsys)


def test_coco_broken_json(right: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = copy(right["coco"], tmp_path / "data")
    file = data / "annotations" / "instances_val.json"
    file.write_text(file.read_text()[:200])
    refused(data, "broken JSON: ", str(file), tmp_path, capsys)
    refused(data, "at line 1, column 2", str(file), tmp_path, capsys)


def detections(data: Path, ids: dict[int, int]) -> list[dict[str, Any]]:
    """The objects of the val split as detections, with their categories renumbered."""
    truth = json.loads((data / "annotations" / "instances_val.json").read_text())
    return [
        {"image_id": a["image_id"], "category_id": ids[a["category_id"]], "bbox": a["bbox"], "score": 0.5}
        for a in truth["annotations"]
    ]


def judged(results: Any, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What ``codo evaluate`` says of a result file."""
    file = tmp_path / "results.json"
    file.write_text(results if isinstance(results, str) else json.dumps(results))
    before = state(tmp_path)
    lines = told(["evaluate", str(file), f"data={data}"], capsys)
    assert state(tmp_path) == before
    return lines


@pytest.mark.parametrize(("ids", "first"), [({3: 0, 8: 1}, 0), ({3: 1, 8: 2}, 1)])
def test_results_in_another_category_numbering(
    ids: dict[int, int], first: int, right: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = [{**row, "category_id": first} for row in detections(right["coco"], ids)]
    lines = judged(results, right["coco"], tmp_path, capsys)
    what = "8 detections whose category_id the ground truth does not have; the first: detection number 1"
    check(lines, f"{what} (category_id {first})", "results.json")
    assert f"numbered from {first}" in lines[2]
    assert "(3, 8)" in lines[2]


def test_results_of_images_that_the_data_do_not_have(
    right: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = detections(right["coco"], {3: 3, 8: 8})
    each(results[5:], image_id=11)
    what = "3 detections whose image_id the ground truth does not have; the first: detection number 6 (image_id 11)"
    check(judged(results, right["coco"], tmp_path, capsys), what, "results.json")


def test_broken_results(right: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(judged('[{"image_id": 1,', right["coco"], tmp_path, capsys), "broken JSON", "results.json")
    results = detections(right["coco"], {3: 3, 8: 8})
    each(results[2:4], score="0.5")
    what = "2 detections where 'score' is not a number; the first: detection number 3 (score '0.5')"
    check(judged(results, right["coco"], tmp_path, capsys), what, "results.json")


def replace_in(*files: Path, old: str, new: str) -> None:
    """Replace the first occurrence in each file."""
    for file in files:
        text = file.read_text()
        assert old in text, (file, text)
        file.write_text(text.replace(old, new, 1))


def tag(name: str, value: str) -> Callable[[Path], None]:
    """Write another text into the first element of that name of the second and third XML file."""

    def change(year: Path) -> None:
        for number in ("001", "002"):
            file = year / "Annotations" / f"train_{number}.xml"
            head, opening, rest = file.read_text().partition(f"<{name}>")
            assert opening
            file.write_text(f"{head}{opening}{value}{rest[rest.index('</') :]}")

    return change


def cut(year: Path) -> None:
    for number in ("001", "003"):
        file = year / "Annotations" / f"train_{number}.xml"
        file.write_text(file.read_text()[:80])


def remove(pattern: str) -> Callable[[Path], None]:
    def change(year: Path) -> None:
        for file in sorted(year.glob(pattern))[1:3]:
            file.unlink()

    return change


VOC: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "broken XML": (cut, "2 XML files that cannot be read; the first: train_001.xml (broken XML: ", "train_001.xml"),
    "not an annotation": (
        lambda year: (year / "Annotations" / "train_002.xml").write_text("<html></html>") and None,
        "1 XML file that cannot be read: train_002.xml (<html> where <annotation> was expected)",
        "train_002.xml",
    ),
    "images missing": (remove("JPEGImages/train_*"), "2 of 4 images missing in ", "Main/train.txt"),
    "XML missing": (remove("Annotations/train_*"), "2 of 4 XML files missing in ", "Main/train.txt"),
    "no size": (
        tag("width", "0"),
        "2 XML files with no possible <size>; the first: train_001.xml (width 0, height 64)",
        "train_001.xml",
    ),
    "box of no size": (
        tag("xmax", "1"),
        "2 objects with a box of no size; the first: object 1 of train_001.xml (xmin ",
        "train_001.xml",
    ),
    "box outside": (
        tag("xmax", "99"),
        "2 objects with a box that reaches more than 2 pixels out of its image; the first: object 1 of train_001.xml",
        "train_001.xml",
    ),
    "words for numbers": (
        tag("ymin", "top"),
        "2 objects whose corners are not four numbers; the first: object 1 of train_001.xml (xmin",
        "train_001.xml",
    ),
    "no name": (
        tag("name", ""),
        "2 objects without a name; the first: object 1 of train_001.xml",
        "train_001.xml",
    ),
    "difficult": (
        tag("difficult", "yes"),
        "2 objects where <difficult> is not 0 or 1; the first: object 1 of train_001.xml (difficult yes)",
        "train_001.xml",
    ),
    "named twice": (
        lambda year: replace_in(year / "ImageSets/Main/train.txt", old="train_002", new="train_001"),
        "1 image is named more than once; the first: train_001",
        "Main/train.txt",
    ),
}


@pytest.mark.parametrize("name", VOC)
def test_voc(name: str, right: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change, what, where = VOC[name]
    data = copy(right["voc"], tmp_path / "data")
    change(data / "VOC2007")
    refused(data, what, where, tmp_path, capsys)


def test_voc_unknown_split(right: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    what = "no image set 'tain' in ImageSets/Main of VOC2007"
    refused(right["voc"], what, "VOC2007", tmp_path, capsys, "data.train_split=tain")
    what = "no image set 'VOC2012/train'"
    refused(right["voc"], what, "VOC2007", tmp_path, capsys, "data.train_split=VOC2012/train")


def lines_of(**changed: str) -> Callable[[Path], None]:
    """Write other lines into label files of the train split."""

    def change(folder: Path) -> None:
        for name, line in changed.items():
            file = folder / "labels" / "train" / f"{name.removeprefix('f')}.txt"
            first = file.read_text().splitlines()[0]
            file.write_text(f"{first}\n{line}\n")

    return change


YOLO: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "index out of range": (
        lines_of(f001="2 0.5 0.5 0.2 0.2", f003="7 0.5 0.5 0.2 0.2"),
        "2 lines whose class is not among the names; the first: line 2 of 001.txt (class 2)",
        "labels/train/001.txt",
    ),
    "class that is no integer": (
        lines_of(f001="0.5 0.5 0.5 0.2 0.2"),
        "1 line whose class is not among the names: line 2 of 001.txt (class 0.5)",
        "labels/train/001.txt",
    ),
    "pixels": (
        lines_of(f000="0 40 30 20 20", f001="0 40 30 20 20"),
        "2 lines with numbers out of 0 to 1; the first: line 2 of 000.txt (0 40 30 20 20 in 96 x 64)",
        "labels/train/000.txt",
    ),
    "outline outside": (
        lines_of(f002="1 0.1 0.1 0.5 0.1 0.5 1.4"),
        "1 line with numbers out of 0 to 1: line 2 of 002.txt (1 0.1 0.1 0.5 0.1 … in 96 x 64)",
        "labels/train/002.txt",
    ),
    "box that reaches outside": (
        lines_of(f001="0 0.9 0.5 0.4 0.2"),
        "1 line with a box that reaches more than 2 pixels out of its image: line 2 of 001.txt (0 0.9 0.5 0.4 0.2 in",
        "labels/train/001.txt",
    ),
    "columns": (
        lines_of(f001="0 0.5 0.5 0.2 0.2 0.9", f002="0 0.5 0.5 0.2"),
        "2 lines with a wrong number of columns; the first: line 2 of 001.txt (6 columns, as files of detections have)",
        "labels/train/001.txt",
    ),
    "words": (
        lines_of(f001="cat 0.5 0.5 0.2 0.2"),
        "1 line with something other than finite numbers: line 2 of 001.txt (cat 0.5 0.5 0.2 0.2)",
        "labels/train/001.txt",
    ),
    "not finite": (
        lines_of(f001="0 0.5 nan 0.2 0.2"),
        "1 line with something other than finite numbers: line 2 of 001.txt (0 0.5 nan 0.2 0.2)",
        "labels/train/001.txt",
    ),
    "no labels at all": (
        lambda folder: (folder / "labels").rename(folder / "label") and None,
        "none of 4 images has a label file; the first was looked for as ",
        "data.yaml",
    ),
    "no images": (
        lambda folder: (folder / "images/train").rename(folder / "images/t") and None,
        "no folder or list of the images of 'train': ",
        "data.yaml",
    ),
    "an image that is none": (
        lambda folder: (folder / "images/train/002.png").write_text("text") and None,
        "1 image that cannot be read: 002.png (unreadable: not an image)",
        "images/train/002.png",
    ),
    "too few names": (
        lambda folder: replace_in(folder / "data.yaml", old="names:\n", new="nc: 3\nnames:\n"),
        "nc is 3, but there are 2 names",
        "data.yaml",
    ),
    "two classes of one name": (
        lambda folder: replace_in(folder / "data.yaml", old="- disc", new="- box"),
        "1 name of more than one class; the first: 'box' (ids 0, 1)",
        "data.yaml",
    ),
    "no names": (
        lambda folder: replace_in(folder / "data.yaml", old="names:\n- box\n- disc", new="names: two"),
        "the data file has no names of classes",
        "data.yaml",
    ),
}


@pytest.mark.parametrize("name", YOLO)
def test_yolo(name: str, right: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change, what, where = YOLO[name]
    data = copy(right["yolo"], tmp_path / "data")
    change(data)
    refused(data, what, where, tmp_path, capsys)


def test_yolo_images_of_a_list_missing(
    right: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = copy(right["yolo"], tmp_path / "data")
    names = ["000", "001", "8", "9"]
    (data / "train.txt").write_text("".join(f"./images/train/{name}.png\n" for name in names))
    replace_in(data / "data.yaml", old="train: images/train", new="train: train.txt")
    what = "2 of 4 images missing; the first: ./images/train/8.png (line 3)"
    refused(data, what, "train.txt", tmp_path, capsys)


def test_yolo_unknown_split(right: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    what = "no split 'trian' in the data file"
    refused(right["yolo"], what, "data.yaml", tmp_path, capsys, "data.train_split=trian")


def test_folders_that_are_no_data_or_two_kinds(
    right: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "none").mkdir()
    cv2.imwrite(str(tmp_path / "none" / "a.png"), np.zeros((8, 8, 3), np.uint8))
    refused(tmp_path / "none", "no annotations in the folder", "none", tmp_path, capsys)
    both = copy(right["coco"], tmp_path / "both")
    (both / "data.yaml").write_text((right["yolo"] / "data.yaml").read_text())
    refused(both, "the folder has annotations in 2 formats: coco, yolo", "both", tmp_path, capsys)
