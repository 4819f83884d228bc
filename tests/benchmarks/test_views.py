"""The reference of the view benchmarks does the same work: else its time would say nothing."""

from __future__ import annotations

import argparse

from benchmarks.views import rows


def test_pil_makes_the_same_views() -> None:
    (row,) = rows(argparse.Namespace(data=None, smoke=True, images=0, source="jpeg"))
    assert row.target == "T3"
    assert row.ratio is not None
    assert all(check.passed for check in row.checks), row.checks
