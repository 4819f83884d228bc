"""Benchmarks that inform and have no bound: they run, and both sides of a trick compute the same."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from benchmarks.browser import MISSING, chromium

from benchmarks import listing, loader, near_duplicates, open_page, tricks, view_stages


def test_both_sides_of_every_trick_compute_the_same() -> None:
    rows = list(tricks.rows(argparse.Namespace(smoke=True)))
    assert len(rows) == 5
    assert all(row.passed and row.ratio for row in rows), [row.checks for row in rows]


def test_the_costs_of_the_loader_are_told(photos: Path) -> None:
    rows = list(loader.rows(argparse.Namespace(smoke=True, data=photos, images=4)))
    assert [row.unit for row in rows] == ["ms"] * 5 + ["kB"] * 2
    assert all(row.ours.median > 0 for row in rows)


def test_the_stages_of_a_sample_add_up(photos: Path) -> None:
    rows = list(view_stages.rows(argparse.Namespace(smoke=True, data=photos, images=4)))
    names = [row.what.split(": ")[1] for row in rows]
    stages = [*view_stages.STAGES, "Python between them", "all"]
    assert names == stages * 5
    times = {row.what: row.ours.median for row in rows}
    assert times["packed: decoding"] > 0
    assert times["packed: cutting tiles"] > 0
    assert times["packed: Python between them"] > 0
    assert times["packed, decoded before: decoding"] == times["original JPEGs, decoded before: reading files"] == 0
    assert all(time <= times["packed: all"] for what, time in times.items() if what.startswith("packed: "))


def test_a_listing_is_measured_and_leaves_nothing(tmp_path: Path) -> None:
    rows = list(listing.rows(argparse.Namespace(smoke=True, files=0, folder=tmp_path)))
    assert [row.unit for row in rows] == ["s", "MB"]
    assert all(row.passed for row in rows)
    assert list(tmp_path.iterdir()) == []


def test_copies_are_found_and_other_pictures_are_not(photos: Path) -> None:
    rows = {row.what: row for row in near_duplicates.rows(argparse.Namespace(smoke=True, data=photos, images=4))}
    assert all(row.passed for row in rows.values())
    for name, share in {"JPEG of quality 60": 100, "half the size": 100, "the middle 50%": 0, "mirrored": 0}.items():
        assert rows[f"found: {name}"].ours.median == share
    assert rows["pairs found among different files"].ours.median == 0


@pytest.mark.skipif(chromium() is None, reason=MISSING)
def test_a_page_is_opened_and_has_everything() -> None:
    loaded, drawn = open_page.rows(argparse.Namespace(smoke=True))
    assert drawn.checks[0].passed
    assert 0 < loaded.ours.median <= drawn.ours.median
