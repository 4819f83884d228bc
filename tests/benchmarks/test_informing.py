"""Benchmarks that inform and have no bound: they run, and both sides of a trick compute the same."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import loader, tricks


def test_both_sides_of_every_trick_compute_the_same() -> None:
    rows = list(tricks.rows(argparse.Namespace(smoke=True)))
    assert len(rows) == 5
    assert all(row.passed and row.ratio for row in rows), [row.checks for row in rows]


def test_the_costs_of_the_loader_are_told(photos: Path) -> None:
    rows = list(loader.rows(argparse.Namespace(smoke=True, data=photos, images=4)))
    assert [row.unit for row in rows] == ["ms"] * 5 + ["kB"] * 2
    assert all(row.ours.median > 0 for row in rows)
