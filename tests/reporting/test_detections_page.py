"""``codo view`` on detections: of a finetuning run, and of any detector."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from codo.cli import main
from codo.core.errors import InputError
from codo.core.run import Run
from codo.evaluation.error_impact import measure_impact
from codo.evaluation.error_types import ERRORS
from codo.geometry.segmentations import encode
from codo.reporting.detections_page import FOLD, cost_table, count_table
from codo.reporting.view import view
from tests.evaluation.assignments import assign_all, detections_of, result, truth_of

ReadPage = Callable[[Path], Any]
MakeRun = Callable[..., Run]

EVIL = "<img src=x onerror=alert(1)>&\"'.jpg"
BOX = [10.0, 10, 20, 20]
CORNER = {"size": [40, 60], "counts": [0, 2, 38, 2, 2358]}  # runs go down the columns: a square of 2 x 2 pixels


@pytest.fixture
def labeled(tmp_path: Path) -> Path:
    """Four images: one well detected, one badly, one with a crowd, one empty; a class and a file of evil names."""
    folder = tmp_path / "data"
    (folder / "annotations").mkdir(parents=True)
    (folder / "val").mkdir()
    names = ["good.jpg", EVIL, "crowd.jpg", "empty.jpg"]
    for name in names:
        (folder / "val" / name).write_bytes(cv2.imencode(".jpg", np.full((40, 60, 3), 128, np.uint8))[1].tobytes())
    rows = [(0, 1, BOX, 0), (1, 1, BOX, 0), (1, 2, [40.0, 10, 15, 20], 0), (2, 1, [0.0, 0, 50, 40], 1)]
    truth = {
        "images": [{"id": i, "file_name": name, "width": 60, "height": 40} for i, name in enumerate(names)],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "<b>dog"}, {"id": 7, "name": "never"}],
        "annotations": [
            {"id": k, "image_id": i, "category_id": c, "bbox": box, "iscrowd": crowd, "area": box[2] * box[3]}
            for k, (i, c, box, crowd) in enumerate(rows)
        ],
    }
    (folder / "annotations" / "instances_val.json").write_text(json.dumps(truth))
    return folder


def results() -> list[dict[str, Any]]:
    return [
        result(0, 1, BOX, 0.9),
        result(0, 1, [11, 10, 20, 20], 0.8),  # duplicate
        result(0, 1, [50, 0, 9, 9], 0.05),  # below the threshold
        result(1, 2, BOX, 0.95),  # classification
        result(1, 2, [40, 10, 15, 6], 0.85),  # localization
        result(1, 1, [0, 30, 9, 9], 0.75),  # background
        result(2, 1, [5, 5, 9, 9], 0.7),  # in the crowd
    ]


def cards(page: Any) -> list[str]:
    return [attributes["data-key"] for _, attributes in page.with_class("card")]


def shapes(page: Any, side: str) -> list[tuple[str, str]]:
    """Class names without the side, and labels of the shapes, in the order of the page."""
    found = [attributes for _, attributes in page.with_class(side)]
    return [(a["class"].removeprefix(f"shape {side} "), a["data-label"]) for a in found]


def test_a_run(labeled: Path, make_run: MakeRun, read_page: ReadPage) -> None:
    run = make_run(config={"data": {"folder": str(labeled)}}, verb="finetune")
    (run.path / "detections_val.json").write_text(json.dumps(results()))
    path = view(run.path)
    assert path == run.path / "view.html"
    page = read_page(path)
    # The best F1 is at 0.9: one of three found and one wrong there; below, only mistakes come.
    assert page.facts["Confidence"] == "0.90 | least confidence of the detections counted here"
    assert page.facts["Found"] == "1 | of 3 objects"
    assert page.facts["Wrong"] == "1 | detections"
    assert page.facts["Images"] == "4 | 2 of 3 classes in them"
    assert cards(page) == [EVIL, "crowd.jpg", "empty.jpg", "good.jpg"]  # of equal scores by name
    assert "score 0% · 0 found, 2 not found, 1 wrong" in page.text
    assert shapes(page, "truth-side") == [
        ("classification", "cat"),
        ("missed", "<b>dog"),
        ("ignored", "cat"),
        ("correct", "cat"),
    ]
    assert shapes(page, "found-side") == [
        ("background off", "cat"),
        ("localization off", "<b>dog"),
        ("classification", "<b>dog"),
        ("ignored off", "cat"),
        ("background off", "cat"),
        ("duplicate off", "cat"),
        ("correct", "cat"),
    ]
    states = [a.get("data-states") for _, a in page.with_class("truth-side")]
    assert states == ["0.950000 classification", "0.850000 localization", None, "0.900000 correct"]
    assert {"cat 0.90", "<b>dog 0.95 cls", "cat (crowd)"} <= {text.strip() for text in page.pieces}


def test_the_page_stands_alone(labeled: Path, tmp_path: Path, read_page: ReadPage) -> None:
    (tmp_path / "found.json").write_text(json.dumps(results()))
    page = read_page(view(tmp_path / "found.json", labeled))
    for text in ("http:", "https:", "//cdn", "@import", "<img src=x", "<b>dog"):
        assert text not in page.raw, text
    assert len(page.attributes("script")) == 1
    photographs = page.attributes("image")
    assert len(photographs) == 4
    for photograph in photographs:
        assert photograph["href"].startswith("data:image/jpeg;base64,")
    again = [a["href"] for a in page.attributes("use") if a["href"].startswith("#photo")]
    assert again == [f"#{photograph['id']}" for photograph in photographs]  # the pixels are in the page once
    assert all(a["aria-label"] for _, a in page.with_class("frame"))


def test_filters_have_what_they_go_by(labeled: Path, tmp_path: Path, read_page: ReadPage) -> None:
    (tmp_path / "found.json").write_text(json.dumps(results()))
    page = read_page(view(tmp_path / "found.json", labeled))
    assert {a["data-shape"] for a in page.attributes("select") if "data-shape" in a} == {"label", "kind"}
    assert [a["data-rank"] for _, a in page.with_class("card")] == ["0", "1", "2", "3"]
    options = {a["value"] for a in page.attributes("option")}
    assert options == {"", "rank", "-rank", "key", "cat", "<b>dog", "correct", *(error.value for error in ERRORS)}
    (slider,) = [a for a in page.attributes("input") if "data-score" in a]
    assert (slider["min"], slider["max"], slider["value"]) == ("0.0", "0.99", "0.9")
    assert all("data-score" in a for _, a in page.with_class("found-side"))
    script = page.raw.split("<script>")[1]
    assert all(f'"{kind}"' in script for kind in ("correct", "missed", "ignored", *(error.value for error in ERRORS)))


def test_a_result_file_beside_its_page(labeled: Path, tmp_path: Path, read_page: ReadPage) -> None:
    (tmp_path / "found.json").write_text(json.dumps(results()))
    assert view(tmp_path / "found.json", labeled) == tmp_path / "found.html"
    page = read_page(view(tmp_path / "found.json", labeled, out=tmp_path / "few.html", images=2))
    assert cards(page) == [EVIL, "crowd.jpg"]
    assert "The 2 worst of 4 images" in page.text
    assert page.facts["Images"].startswith("4 ")  # numbers are of all


def test_the_command(labeled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], read_page: ReadPage) -> None:
    (tmp_path / "found.json").write_text(json.dumps(results()))
    command = [
        "view",
        str(tmp_path / "found.json"),
        f"data={labeled}",
        "--images",
        "1",
        "--out",
        str(tmp_path / "a.html"),
    ]
    assert main(command) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "a.html")
    assert len(cards(read_page(tmp_path / "a.html"))) == 1
    assert main(["view", str(tmp_path / "found.json")]) == 2
    assert "data= is missing" in capsys.readouterr().err
    assert main(["view", str(tmp_path / "found.json"), f"data={labeled}", "imagse=3"]) == 2
    assert "images" in capsys.readouterr().err


def test_masks(labeled: Path, tmp_path: Path, read_page: ReadPage) -> None:
    square = np.zeros((40, 60), np.uint8)
    square[10:30, 10:30] = 1
    file = labeled / "annotations" / "instances_val.json"
    truth = json.loads(file.read_text())
    for row in truth["annotations"]:
        x, y, w, h = row["bbox"]
        row["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]]
    file.write_text(json.dumps(truth))
    (tmp_path / "found.json").write_text(
        json.dumps([{"image_id": 0, "category_id": 1, "score": 0.9, "segmentation": encode(square)}])
    )
    page = read_page(view(tmp_path / "found.json", labeled))
    assert "Matched by masks" in page.text
    assert page.facts["Found"] == "1 | of 3 objects"
    assert len(page.attributes("polygon")) == 5  # 4 objects, 1 detection
    (tmp_path / "boxes.json").write_text(json.dumps(results()))
    with pytest.raises(InputError, match="the detections have no masks"):
        view(tmp_path / "boxes.json", labeled, by="segm")


def test_a_detector_that_finds_nothing(labeled: Path, tmp_path: Path, read_page: ReadPage) -> None:
    (tmp_path / "found.json").write_text("[]")
    page = read_page(view(tmp_path / "found.json", labeled))
    assert page.facts["AP 50"] == "0.0 | AP 75 0.0"
    assert "The most expensive errors are missed objects: without them AP 50 would be 100.0." in page.text
    assert "no detection is correct" in page.text


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([result(9, 1, BOX, 0.5)], "1 detection whose image_id"),
        ([result(0, 0, BOX, 0.5), result(0, 3, BOX, 0.5)], "2 detections whose category_id"),
        ([result(0, 1, [9, 9, -1, 4], 0.5)], "negative size"),
        ({"images": []}, "a JSON list"),
    ],
)
def test_wrong_result_files_are_refused(labeled: Path, tmp_path: Path, rows: Any, message: str) -> None:
    (tmp_path / "found.json").write_text(json.dumps(rows))
    with pytest.raises(InputError, match=message):
        view(tmp_path / "found.json", labeled)
    assert not (tmp_path / "found.html").exists()


def test_images_that_are_gone_are_named(labeled: Path, tmp_path: Path) -> None:
    (tmp_path / "found.json").write_text("[]")
    (labeled / "val" / "crowd.jpg").unlink()
    with pytest.raises(InputError, match=r"crowd\.jpg"):
        view(tmp_path / "found.json", labeled)


def test_a_run_whose_data_moved_takes_data(labeled: Path, make_run: MakeRun, read_page: ReadPage) -> None:
    run = make_run(config={"data": {"folder": "gone"}}, verb="finetune")
    with pytest.raises(InputError, match=r"no detections_val\.json yet"):
        view(run.path)
    (run.path / "detections_val.json").write_text(json.dumps(results()))
    with pytest.raises(InputError, match="no such folder"):
        view(run.path)
    assert len(cards(read_page(view(run.path, labeled)))) == 4


def test_settings_of_detections_are_refused_elsewhere(make_run: MakeRun) -> None:
    with pytest.raises(InputError, match="images: these settings are for detections"):
        view(make_run().path, images=3)


def test_tables_add_up(tmp_path: Path) -> None:
    objects = [(1, 4, [0.0, 0, 100, 100]), (2, 4, [120.0, 100, 80, 80]), (2, 9, [0.0, 0, 50, 50])]
    found = [result(1, 4, [0, 0, 100, 100], 0.9), result(1, 4, [0, 0, 100, 90], 0.8), result(2, 4, [0, 0, 50, 50], 0.7)]
    detections = detections_of(tmp_path, truth_of(objects), found)
    assignments = assign_all(detections)
    impact = measure_impact(detections, assignments)
    costs = cost_table(impact)
    assert [row[:4] for row in costs.rows] == [
        ["all", "3", "25.2", "25.2"],
        ["dog", "1", "0.0", "0.0"],
        ["cat", "2", "50.5", "50.5"],
    ]
    counts = count_table(impact, assignments, 0.5)
    assert counts.rows == [
        ["all", "3", "1", "1", "3", "0", "1", "0", "1", "0", "0"],
        ["cat", "2", "1", "1", "3", "0", "1", "0", "1", "0", "0"],
        ["dog", "1", "0", "0", "0", "0", "0", "0", "0", "0", "0"],
    ]


def test_many_classes_are_folded(tmp_path: Path, read_page: ReadPage) -> None:
    classes = FOLD + 2
    truth = truth_of([(1, 1 + i, [0.0, 0, 50, 50]) for i in range(classes)], images=1)
    truth["categories"] = [{"id": 1 + i, "name": f"class {i}"} for i in range(classes)]
    (tmp_path / "found.json").write_text(json.dumps([result(1, 1, [0, 0, 50, 50], 0.9)]))
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    cv2.imwrite(str(tmp_path / "1.jpg"), np.zeros((200, 240, 3), np.uint8))
    page = read_page(view(tmp_path / "found.json", {"val": str(tmp_path / "truth.json"), "images": str(tmp_path)}))
    assert len(page.attributes("details")) == 3
    assert f"By class ({classes})" in page.text
