"""Pages of made-up finetuning runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import codo
from codo.core.errors import InputError
from codo.core.run import Run
from codo.reporting.report import write_report
from tests.reporting.conftest import finetune_config, finetune_rows, write_detections

ReadPage = Callable[[Path], Any]
MakeRun = Callable[..., Run]
Rows = list[dict[str, Any]]


def test_the_report_of_a_finetuning(make_run: MakeRun, labeled: Path, read_page: ReadPage) -> None:
    run = make_run(finetune_rows(), finetune_config(labeled), "finetune")
    write_detections(run)
    (run.path / "load_report.txt").write_text("backbone 265 matched <none missing>\n")
    page = read_page(write_report(run))
    assert page.facts["Boxes: AP"] == "23.5 | AP 50 45.0"
    assert page.facts["Weights"].startswith("codo")
    assert page.facts["Time in training"].startswith("10 s")  # 20 steps of 2 images at 4 a second
    assert page.tables[0][0] == ["Objects", "AP", "AP 50", "AP small"]
    assert page.tables[0][1:] == [["Boxes", "23.5", "45.0", "–"], ["Masks", "19.9", "–", "–"]]
    assert page.tables[1] == [["Class", "Boxes"], ["dog/wild", "60.0"], ["<i>cat", "30.0"]]
    assert "On the validation images after step 20." in page.text
    assert "backbone 265 matched <none missing>" in page.text


def test_with_early_stop_the_detector_that_is_kept_is_shown(
    make_run: MakeRun, labeled: Path, read_page: ReadPage
) -> None:
    """The one with the highest AP, of step 10; the last evaluation is of one that was thrown away."""
    rows = finetune_rows()
    rows[9] |= {"ap/bbox/AP": 0.3, "ap/bbox/AP50": 0.5, "ap/bbox/class/dog/wild": 0.4}
    config = {**finetune_config(labeled), "early_stop": 1}
    page = read_page(write_report(make_run(rows, config, "finetune")))
    assert page.facts["Boxes: AP"] == "30.0 | AP 50 50.0"
    assert "On the validation images after step 10." in page.text
    assert "Box AP 30.0" in page.text
    assert "overfits" not in page.text
    assert ["dog/wild", "40.0"] in page.tables[1]


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


def test_a_run_has_detections_of_its_val_split_only(make_run: MakeRun, labeled: Path) -> None:
    run = make_run(finetune_rows(), finetune_config(labeled), "finetune")
    write_detections(run)
    with pytest.raises(InputError, match="a run has detections of its val split"):
        codo.view(run.path, split="train")


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


def test_a_detector_that_finds_nothing(make_run: MakeRun, labeled: Path, read_page: ReadPage) -> None:
    run = make_run(finetune_rows(), finetune_config(labeled), "finetune")
    (run.path / "detections_val.json").write_text("[]")
    text = read_page(write_report(run)).text
    assert "a confidence of at least 0.50, because no detection is correct" in text
    assert text.count("0 found, 1 not found, 0 wrong") == 2
