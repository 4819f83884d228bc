"""Reading COCO result files."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codo.annotations.coco.read import CocoRules, read_coco
from codo.annotations.coco.results import outlines, read_results
from codo.annotations.records import Annotations
from codo.annotations.source import DataSettings, read_annotations
from codo.cli import main
from codo.core.errors import InputError
from codo.detection.results import write_results
from codo.geometry.segmentations import encode
from tests.annotations.layouts import write_yolo
from tests.annotations.refusals import Spoil, check_lines, each
from tests.annotations.synthetic import coco, write
from tests.conftest import MakeData


@pytest.fixture
def annotations(make_data: MakeData) -> Annotations:
    return read_annotations(DataSettings(folder=str(make_data())), "val")


GOOD = {"image_id": 10, "category_id": 3, "score": 0.5, "bbox": [1, 2, 3, 4]}
NO_BOX = {key: value for key, value in GOOD.items() if key != "bbox"}
MASK = encode(np.ones((64, 96), np.uint8))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([GOOD, {**GOOD, "image_id": 11}], "1 detection whose image_id is not in the ground truth: detection number 2"),
        ([{**GOOD, "category_id": i} for i in (1, 2)], "2 detections whose category_id .* detection number 1"),
        ([{**GOOD, "score": "0.5"}], "'score' is not a number: detection number 1"),
        ([{**GOOD, "bbox": [1, 2, -3, 4]}], "negative size"),
        ([GOOD, NO_BOX], "'bbox' is not a list of four numbers: detection number 2"),
        ([{**GOOD, "segmentation": [[1, 2, 3, 4, 5, 6]]}], "without an RLE segmentation"),
        ([{**GOOD, "segmentation": {**MASK, "size": [96, 64]}}], "RLE of size"),
        ([NO_BOX], "without bbox or segmentation$"),
        ([{**NO_BOX, "keypoints": [1, 2, 2]}], "without bbox or segmentation; they have keypoints, of which no AP"),
        ({"annotations": []}, "a JSON list"),
    ],
)
def test_what_does_not_fit_the_truth_is_refused(
    rows: Any, message: str, annotations: Annotations, tmp_path: Path
) -> None:
    path = tmp_path / "found.json"
    path.write_text(json.dumps(rows))
    with pytest.raises(InputError) as caught:
        read_results(path, annotations)
    assert re.search(message, caught.value.what)
    assert len(caught.value.lines()) == 3


def test_broken_json_is_refused(annotations: Annotations, tmp_path: Path) -> None:
    (tmp_path / "found.json").write_text('[{"image_id": 3')
    with pytest.raises(InputError, match="broken JSON"):
        read_results(tmp_path / "found.json", annotations)
    with pytest.raises(InputError, match="cannot read"):
        read_results(tmp_path / "none.json", annotations)


def test_what_the_detections_have(annotations: Annotations, tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    for row, kinds in ((GOOD, {"bbox"}), ({**NO_BOX, "segmentation": MASK}, {"segmentation"})):
        path.write_text(json.dumps([row]))
        assert outlines(read_results(path, annotations)) == kinds


def test_run_lengths_are_read_as_their_string(annotations: Annotations, tmp_path: Path) -> None:
    """3 rows of an image 64 high: 5 pixels down the first column are background, and so on."""
    mask = np.zeros((64, 96), np.uint8)
    mask[5:20, 0] = mask[:3, 4] = 1
    counts = [5, 15, 44 + 3 * 64, 3, 61 + 91 * 64]
    path = tmp_path / "found.json"
    path.write_text(json.dumps([{**GOOD, "segmentation": {"size": [64, 96], "counts": counts}}]))
    assert read_results(path, annotations)[0]["segmentation"] == encode(mask)


def detections(data: Path, ids: dict[int, int]) -> list[dict[str, Any]]:
    """The objects of the val split as detections, with their categories renumbered."""
    truth = json.loads((data / "annotations" / "instances_val.json").read_text())
    return [
        {"image_id": a["image_id"], "category_id": ids[a["category_id"]], "bbox": a["bbox"], "score": 0.5}
        for a in truth["annotations"]
    ]


Judge = Callable[[Any, Path], list[str]]


@pytest.fixture
def judge(answer: Callable[[list[str]], list[str]], tmp_path: Path) -> Judge:
    """What ``codo evaluate`` prints on a wrong result file."""

    def evaluate(results: Any, data: Path) -> list[str]:
        file = tmp_path / "results.json"
        file.write_text(results if isinstance(results, str) else json.dumps(results))
        return answer(["evaluate", str(file), f"data={data}"])

    return evaluate


@pytest.mark.parametrize(("ids", "first"), [({3: 0, 8: 1}, 0), ({3: 1, 8: 2}, 1)])
def test_results_in_another_category_numbering(
    ids: dict[int, int], first: int, right: dict[str, Path], judge: Judge
) -> None:
    results = [{**row, "category_id": first} for row in detections(right["coco"], ids)]
    lines = judge(results, right["coco"])
    what = "8 detections whose category_id is not in the ground truth; the first: detection number 1"
    check_lines(lines, f"{what} (category_id {first})", "results.json")
    assert f"look like class numbers from {first}" in lines[2]
    assert "(3, 8)" in lines[2]


def test_results_of_images_that_the_data_do_not_have(right: dict[str, Path], judge: Judge) -> None:
    results = detections(right["coco"], {3: 3, 8: 8})
    each(results[5:], image_id=11)
    what = "3 detections whose image_id is not in the ground truth; the first: detection number 6 (image_id 11)"
    check_lines(judge(results, right["coco"]), what, "results.json")


def test_broken_results(right: dict[str, Path], judge: Judge) -> None:
    check_lines(judge('[{"image_id": 1,', right["coco"]), "broken JSON", "results.json")
    results = detections(right["coco"], {3: 3, 8: 8})
    each(results[2:4], score="0.5")
    what = "2 detections where 'score' is not a number; the first: detection number 3 (score '0.5')"
    check_lines(judge(results, right["coco"]), what, "results.json")


def test_corners_are_refused_by_the_command_line(
    spoil: Spoil, answer: Callable[[list[str]], list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = spoil("coco")
    truth = json.loads((data / "annotations/instances_val.json").read_text())
    rows = [{k: row[k] for k in ("image_id", "category_id", "bbox")} | {"score": 0.9} for row in truth["annotations"]]
    found = tmp_path / "found.json"
    found.write_text(json.dumps(rows))
    assert main(["evaluate", str(found), f"data={data}"]) == 0
    assert '"AP": 1.0' in capsys.readouterr().out
    for row in rows:
        x, y, w, h = row["bbox"]
        row["bbox"] = [x, y, x + w, y + h]
    found.write_text(json.dumps(rows))
    check_lines(answer(["evaluate", str(found), f"data={data}"]), "read as corners x1, y1, x2, y2", str(found))


def yolo(folder: Path) -> Annotations:
    """Two validation images of YOLO's labels, ``000.png`` and ``001.png``, with ids 0 and 1; classes count from 0."""
    write_yolo(folder, {"train": coco(1, seed=1), "val": coco(2, seed=2)}, outlines=False)
    return read_annotations(DataSettings(folder=str(folder)), "val")


def save_results(folder: Path, *rows: tuple[str | int, int], **more: Any) -> Path:
    """Detections with these ids of images and classes."""
    found = [{"image_id": i, "category_id": c, "score": 0.5, "bbox": [1, 2, 3, 4], **more} for i, c in rows]
    (folder / "found.json").write_text(json.dumps(found))
    return folder / "found.json"


def ids(rows: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(row["image_id"], row["category_id"]) for row in rows]


def test_images_without_ids_are_known_by_name(tmp_path: Path) -> None:
    annotations = yolo(tmp_path)
    path = save_results(tmp_path, ("001", 0), ("000.png", 0), (1, 0))
    found = read_results(path, annotations)
    assert ids(found) == [(1, 0), (0, 0), (1, 0)]
    write_results(tmp_path / "again.json", found, annotations.aliases)
    assert ids(json.loads((tmp_path / "again.json").read_text())) == [(1, 0), (0, 0), (1, 0)]
    with pytest.raises(InputError, match="'image_id' is not an integer"):
        read_results(save_results(tmp_path, ("002", 0)), annotations)


def test_the_file_name_decides_where_a_name_is_a_number(tmp_path: Path) -> None:
    """Ultralytics' id of ``2.png`` is 2; here, beside ``a.png``, it is 1, as not all names are numbers."""
    write_yolo(tmp_path, {"train": coco(1, seed=1), "val": coco(2, seed=2)}, outlines=False)
    for old, new in (("000", "2"), ("001", "a")):
        (tmp_path / f"images/val/{old}.png").rename(tmp_path / f"images/val/{new}.png")
        label = tmp_path / f"labels/val/{old}.txt"
        label.rename(label.with_stem(new))
    annotations = read_annotations(DataSettings(folder=str(tmp_path)), "val")
    assert annotations.image_ids.tolist() == [1, 2]
    rows = [
        {"image_id": i, "file_name": f"{i}.png", "category_id": 0, "score": 0.5, "bbox": [1, 2, 3, 4]} for i in (2, "a")
    ]
    (tmp_path / "found.json").write_text(json.dumps(rows))
    assert ids(read_results(tmp_path / "found.json", annotations)) == [(1, 0), (2, 0)]


def test_an_id_and_a_file_name_of_different_images_are_refused(tmp_path: Path) -> None:
    """Neither can be right for the other: all detections would be scored on wrong images, or half of them."""
    write(tmp_path, *coco(2), "val")
    annotations = read_annotations(DataSettings(folder=str(tmp_path)), "val")
    assert dict(zip(annotations.file_names.tolist(), annotations.image_ids.tolist(), strict=True)) == {
        "000.png": 10,
        "001.png": 15,
    }
    found = {"category_id": 3, "score": 0.5, "bbox": [1, 2, 3, 4]}
    rows = [{**found, "image_id": 10, "file_name": "000.png"}, {**found, "image_id": 10, "file_name": "001.png"}]
    (tmp_path / "found.json").write_text(json.dumps(rows))
    with pytest.raises(InputError, match="image_id and file_name are of different images") as error:
        read_results(tmp_path / "found.json", annotations)
    assert "image_id 10, file_name 001.png" in str(error.value)
    rows[1]["image_id"] = 1  # the number in the name, as Ultralytics writes it
    (tmp_path / "found.json").write_text(json.dumps(rows))
    assert [row["image_id"] for row in read_results(tmp_path / "found.json", annotations)] == [10, 15]


def test_classes_that_count_from_1_are_recognized_by_the_last(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    annotations = yolo(tmp_path)
    count = len(annotations.categories)
    assert [category.id for category in annotations.categories] == list(range(count))
    caplog.set_level("INFO")
    assert ids(read_results(save_results(tmp_path, (0, 1), (1, count)), annotations)) == [(0, 0), (1, count - 1)]
    assert "count from 1" in caplog.messages[0]
    caplog.clear()
    # The last class was not found, so that nothing tells: they are taken as they are, and those of Ultralytics named.
    assert ids(read_results(save_results(tmp_path, (0, 1)), annotations)) == [(0, 1)]
    assert not caplog.messages
    assert ids(read_results(save_results(tmp_path, (0, 1), file_name="000.png"), annotations)) == [(0, 1)]
    assert "subtract 1" in caplog.messages[0]
    with pytest.raises(InputError, match="whose category_id is not in the ground truth"):
        read_results(save_results(tmp_path, (0, 0), (0, count)), annotations)


def test_string_and_merged_ids_of_results_are_those_of_the_data(tmp_path: Path) -> None:
    truth = copy.deepcopy(coco(2, seed=4)[0])
    for row in truth["images"]:
        row["id"] = f"im{row['id']}"
    for row in truth["annotations"]:
        row["image_id"] = f"im{row['image_id']}"
    truth["categories"].append({"id": 11, "name": "disc"})
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    annotations = read_coco(tmp_path / "truth.json", CocoRules(same_names="merge"))
    first = truth["images"][1]["id"]
    rows = [{"image_id": first, "category_id": id_, "score": 0.5, "bbox": [1, 2, 3, 4]} for id_ in (8, 11)]
    (tmp_path / "found.json").write_text(json.dumps(rows))
    read = read_results(tmp_path / "found.json", annotations)
    assert [(row["image_id"], row["category_id"]) for row in read] == [(2, 8), (2, 8)]
    write_results(tmp_path / "again.json", read, annotations.aliases)
    assert [(row["image_id"], row["category_id"]) for row in json.loads((tmp_path / "again.json").read_text())] == [
        (first, 8),
        (first, 8),
    ]
