"""Whole reports of made-up runs: every number shown comes from the files, and missing files are no error."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from codo.core.run import Run
from codo.reporting.report import write_demo_report, write_report

ReadPage = Callable[[Path], Any]
MakeRun = Callable[..., Run]
Rows = list[dict[str, Any]]


@pytest.fixture
def labeled(tmp_path: Path) -> Path:
    """Two images with a cat each, one of them found; names as hostile as a file system allows."""
    folder = tmp_path / "labeled"
    folder.mkdir()
    names = ["<b>one & two.jpg", "\"'onerror=x.jpg"]
    for name in names:
        encoded = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1]
        (folder / name).write_bytes(encoded.tobytes())
    truth = {
        "images": [{"id": i, "file_name": name, "width": 64, "height": 48} for i, name in enumerate(names)],
        "categories": [{"id": 1, "name": "<i>cat"}],
        "annotations": [
            {
                "id": i + 1,
                "image_id": i,
                "category_id": 1,
                "bbox": [10, 10, 20, 20],
                "segmentation": [[10, 10, 30, 10, 30, 30]],
            }
            for i in range(2)
        ],
    }
    (folder / "val.json").write_text(json.dumps(truth))
    return folder


def finetune_config(labeled: Path) -> dict[str, Any]:
    data = {"val": str(labeled / "val.json"), "val_images": str(labeled)}
    return {"data": data, "weights": "runs/codo", "steps": 20, "batch_size": 2, "device": "cpu"}


def finetune_rows() -> Rows:
    rows: Rows = [
        {"step": s, "loss": 2.0 - s / 20, "loss/classifier": 1.0, "loss/box_reg": 0.5, "time/images_per_s": 4.0}
        for s in range(1, 21)
    ]
    rows[9] |= {"ap/bbox/AP": 0.111, "ap/segm/AP": 0.1}
    rows[-1] |= {"ap/bbox/AP": 0.2346, "ap/bbox/AP50": 0.45, "ap/bbox/APs": -1.0, "ap/segm/AP": 0.1987}
    rows[-1] |= {"ap/bbox/class/<i>cat": 0.3, "ap/bbox/class/dog/wild": 0.6}
    return rows


def write_detections(run: Run) -> None:
    results = [
        {"image_id": 0, "category_id": 1, "bbox": [10, 10, 20, 20], "score": 0.9},
        {"image_id": 1, "category_id": 1, "bbox": [40, 10, 20, 20], "score": 0.3},
    ]
    (run.path / "detections_val.json").write_text(json.dumps(results))


def test_the_headline_of_a_pretraining(make_run: MakeRun, healthy: Rows, read_page: ReadPage) -> None:
    rows = [{"step": 0, "invariance": 0.2, "invariance_chance": 1 / 15}, *healthy]
    rows[-1] |= {"invariance": 0.55, "invariance_chance": 1 / 15}
    page = read_page(write_report(make_run(rows)))
    facts = page.facts
    assert facts["Recipe"] == "laptop | method codo"
    assert facts["Steps"] == "40 | of 40"
    assert facts["Samples"].startswith("1.28k | batch 32, 2 views")  # 40 steps of 32
    assert facts["Time in training"].startswith("20 s")  # 40 steps of 64 images at 128 a second
    assert facts["Background invariance"] == "55% | chance 6.7%"
    end = np.mean([row["loss"] for row in healthy[-4:]])
    assert facts["Loss at the end"].startswith(f"{end:.1f}")
    assert "Healthy" in page.text
    assert "From 20% at step 0 to 55%." in page.text


def test_curves_and_their_references(make_run: MakeRun, healthy: Rows, read_page: ReadPage) -> None:
    page = read_page(write_report(make_run(healthy)))
    said = " ".join(a["aria-label"] or "" for a in page.attributes("div") if a.get("role") == "img")
    assert f"reference ln(K+1): {math.log(4097):.2f}" in said
    assert "reference 1/√D: 0.0884" in said
    assert "Loss by level (nats). P2 from 8.32 to 7.20" in said
    assert "Waiting for data (% of the time). wait from 5.00 to 5.00; reference alarm: 20.0." in said
    for title in ("Top-1", "positive", "negatives", "RankMe", "Gradient norm", "Learning rate", "Peak memory"):
        assert title in page.text


def test_settings_commands_and_environment_are_those_of_the_files(make_run: MakeRun, read_page: ReadPage) -> None:
    run = make_run()
    page = read_page(write_report(run))
    settings = next(table for table in page.tables if table[0] == ["Setting", "Value"])
    assert ["contrast.queue", "4096"] in settings
    assert ["backgrounds.key", "gone/bg"] in settings
    environment = dict(next(table for table in page.tables if table[0] == ["What", "Value"])[1:])
    assert environment["python"] == run.environment["python"]
    assert environment["packages.numpy"] == np.__version__
    assert "codo pretrain -c laptop out=run" in page.text


def test_alarms_are_listed_with_their_steps(make_run: MakeRun, healthy: Rows, read_page: ReadPage) -> None:
    for row in healthy[10:13]:
        row["alarms"] = ["Collapse <now>: lower optim.lr"]
    run = make_run(healthy)
    log = [
        "Collapse <now>: lower optim.lr",
        "The queue is larger than the data set",
        "The queue is larger than the data set",
    ]
    lines = ["2026-01-01T00:00:00+00:00 resumed from step 3", *(f"2026-01-01T00:00:00+00:00 WARNING {m}" for m in log)]
    (run.path / "train.log").write_text("\n".join(lines))
    page = read_page(write_report(run))
    assert page.tables[0][1:] == [
        ["train.log", "The queue is larger than the data set"],
        ["11 to 13 (3 times)", "Collapse <now>: lower optim.lr"],
    ]


def test_a_run_that_has_logged_nothing(make_run: MakeRun, read_page: ReadPage) -> None:
    page = read_page(write_report(make_run()))
    assert "Too little is logged to judge: 0 of at least 5 lines." in page.text
    assert page.facts["Steps"] == "– | of 40"
    assert not page.with_class("plot")


def test_a_run_whose_files_are_broken(make_run: MakeRun, read_page: ReadPage) -> None:
    run = make_run()
    run.metrics_file.write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "lo', encoding="utf-8")
    (run.path / "command.txt").unlink()
    (run.path / "config.yaml").write_text("- not\n- a mapping\n")
    page = read_page(write_report(run))
    assert "Recipe" not in page.facts
    assert page.facts["Steps"] == "1"


def test_a_level_may_be_missing_or_broken(make_run: MakeRun, healthy: Rows, read_page: ReadPage) -> None:
    rows = [{key: value for key, value in row.items() if not key.endswith("P3")} for row in healthy]
    rows[20]["loss/P5"] = None
    page = read_page(write_report(make_run(rows)))
    assert "One curve for each pyramid level (P2, P4, P5)" in page.text
    assert "Not finite at P5." in page.text


def test_catalogs_that_are_gone_are_said_to_be(make_run: MakeRun, healthy: Rows, read_page: ReadPage) -> None:
    page = read_page(write_report(make_run(healthy)))
    assert "No pictures: the images of this run cannot be read here any more" in page.text
    assert not page.attributes("img")


def test_the_same_files_give_the_same_bytes(make_run: MakeRun, healthy: Rows) -> None:
    run = make_run(healthy)
    assert write_report(run).read_bytes() == write_report(run).read_bytes()


def test_the_report_of_a_finetuning(make_run: MakeRun, labeled: Path, read_page: ReadPage) -> None:
    run = make_run(finetune_rows(), finetune_config(labeled), "finetune")
    write_detections(run)
    (run.path / "load_report.txt").write_text("backbone 265 matched <none missing>\n")
    page = read_page(write_report(run))
    assert page.facts["Boxes: AP"] == "23.5 | AP 50 45.0"
    assert page.facts["Weights"].startswith("codo")
    assert page.facts["Time in training"].startswith("10 s")  # 20 steps of 2 images at 4 a second
    assert page.tables[0][0] == ["", "AP", "AP 50", "AP small"]
    assert page.tables[0][1:] == [["Boxes", "23.5", "45.0", "–"], ["Masks", "19.9", "–", "–"]]
    assert page.tables[1] == [["Class", "Boxes"], ["dog/wild", "60.0"], ["<i>cat", "30.0"]]
    assert "On the validation images after step 20." in page.text
    assert "backbone 265 matched <none missing>" in page.text


def test_detections_beside_the_truth(make_run: MakeRun, labeled: Path, read_page: ReadPage) -> None:
    run = make_run(finetune_rows(), finetune_config(labeled), "finetune")
    write_detections(run)
    page = read_page(write_report(run))
    cards = page.with_class("card")
    assert [a["data-key"] for _, a in cards] == ["\"'onerror=x.jpg", "<b>one & two.jpg"]  # worst first
    assert "score 100% · 1 found, 0 not found, 0 wrong" in page.text
    assert "score 0% · 0 found, 1 not found, 0 wrong" in page.text  # its wrong detection is below the threshold
    assert [a["class"] for _, a in page.with_class("truth-side")] == [
        "shape truth-side missed",
        "shape truth-side correct",
    ]
    shown = {a["data-score"]: a["class"] for _, a in page.with_class("found-side")}
    assert shown == {"0.900000": "shape found-side correct"}  # the other is not confident enough
    assert len(page.attributes("polygon")) == 2


def test_a_finetuning_without_results(make_run: MakeRun, labeled: Path, read_page: ReadPage) -> None:
    run = make_run([], finetune_config(labeled), "finetune")
    assert "No pictures: the run has no detections_val.json yet" in read_page(write_report(run)).text
    write_detections(run)
    (labeled / "val.json").unlink()
    assert "No pictures: no such annotation file" in read_page(write_report(run)).text


def test_images_that_are_gone_are_left_out(make_run: MakeRun, labeled: Path, read_page: ReadPage) -> None:
    run = make_run([], finetune_config(labeled), "finetune")
    write_detections(run)
    (labeled / "<b>one & two.jpg").write_bytes(b"torn")
    assert len(read_page(write_report(run)).with_class("card")) == 1


def test_the_demo_report(make_run: MakeRun, healthy: Rows, labeled: Path, tmp_path: Path, read_page: ReadPage) -> None:
    config = finetune_config(labeled)
    finetuned = {name: make_run(finetune_rows(), config, "finetune", name) for name in ("scratch", "CoDo")}
    for run in finetuned.values():
        write_detections(run)
    results = {
        name: [{"bbox": {"AP": ap + seed / 100}} for seed in range(3)] for name, ap in (("scratch", 0.2), ("CoDo", 0.3))
    }
    out = write_demo_report(
        tmp_path / "demo.html",
        title="Demo",
        label="Rendered scenes, not a benchmark.",
        results=results,
        baseline="scratch",
        candidate="CoDo",
        pretrained=make_run(healthy, name="pretrained"),
        finetuned=finetuned,
    )
    page = read_page(out)
    assert "Rendered scenes, not a benchmark." in page.text
    assert "CoDo comes out ahead: CoDo 31.0 ± 1.0, scratch 21.0 ± 1.0 box AP." in page.text
    assert ["CoDo", "+10.0 ± 0.0", "–", "–", "3 of 3"] in page.tables[1]
    assert len(page.attributes("image")) == 2
    assert page.raw.count('<use href="#same-') == 4  # the same two images for scratch and CoDo
    assert "Healthy" in page.text


def test_a_detector_that_finds_nothing(make_run: MakeRun, labeled: Path, read_page: ReadPage) -> None:
    run = make_run(finetune_rows(), finetune_config(labeled), "finetune")
    (run.path / "detections_val.json").write_text("[]")
    text = read_page(write_report(run)).text
    assert "at least 0.50 confidence, because no detection is right at any confidence" in text
    assert text.count("0 found, 1 not found, 0 wrong") == 2
