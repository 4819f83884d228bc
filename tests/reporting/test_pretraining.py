"""Pages of made-up pretraining runs: every number shown comes from the files."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from codo.core.run import Run
from codo.reporting.report import write_report
from tests.reporting.conftest import BOXES, KEYS, SIZES, views_config

ReadPage = Callable[[Path], Any]
MakeRun = Callable[..., Run]
MakeCatalog = Callable[..., Path]
Rows = list[dict[str, Any]]


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
    assert facts["Final loss"].startswith(f"{end:.1f}")
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


def test_losses_of_localization_have_curves(make_run: MakeRun, healthy: Rows, read_page: ReadPage) -> None:
    rows = [{**row, "box/P2": 1.5, "foreground/P2": 0.6, "objectness/P2": 0.25} for row in healthy]
    page = read_page(write_report(make_run(rows)))
    said = " ".join(a["aria-label"] or "" for a in page.attributes("div") if a.get("role") == "img")
    assert "Localization: box (loss). P2 from 1.50 to 1.50" in said
    assert "Localization: objectness (loss). P2 from 0.250 to 0.250" in said
    assert "Localization" not in read_page(write_report(make_run(healthy))).text


def test_a_run_that_has_logged_nothing(make_run: MakeRun, read_page: ReadPage) -> None:
    page = read_page(write_report(make_run()))
    assert "Too little is logged to judge: 0 of at least 5 lines." in page.text
    assert page.facts["Steps"] == "– | of 40"
    assert not page.with_class("plot")


def test_a_level_may_be_missing_or_broken(make_run: MakeRun, healthy: Rows, read_page: ReadPage) -> None:
    rows = [{key: value for key, value in row.items() if not key.endswith("P3")} for row in healthy]
    rows[20]["loss/P5"] = None
    page = read_page(write_report(make_run(rows)))
    assert "One curve for each pyramid level (P2, P4, P5)" in page.text
    assert "Not finite at P5." in page.text


def test_catalogs_that_are_gone_are_said_to_be(make_run: MakeRun, healthy: Rows, read_page: ReadPage) -> None:
    page = read_page(write_report(make_run(healthy)))
    assert "No pictures: the images of this run can no longer be read" in page.text
    assert not page.attributes("img")


def test_the_report_shows_proposals_and_views(
    make_run: MakeRun, make_catalog: MakeCatalog, healthy: list[dict[str, Any]], read_page: ReadPage
) -> None:
    fg = make_catalog("fg", KEYS, SIZES, BOXES)
    page = read_page(write_report(make_run(healthy, views_config(fg, fg))))
    assert "3 of the 3 foreground images" in page.text
    assert len(page.attributes("img")) == 3 + 3 * 4
    assert page.text.count("view 2 · key") == 3
    assert len(page.attributes("script")) == 1


def test_images_that_changed_do_not_stop_a_report(
    make_run: MakeRun, make_catalog: MakeCatalog, read_page: ReadPage
) -> None:
    fg = make_catalog("fg", KEYS, SIZES, BOXES)
    (fg / "1.png").write_bytes(b"no image")
    page = read_page(write_report(make_run(config=views_config(fg, fg))))
    assert "No pictures: the images of this run can no longer be read" in page.text
