from __future__ import annotations

import re

import pytest

from codo.reporting.scatter import rank_correlation, scatter


def test_rank_correlation() -> None:
    assert rank_correlation([1, 2, 3, 4], [10, 20, 30, 1000]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    # ranks 0 1 2 3 against 1 0 3 2: 1 - 6 * 4 / (4 * 15)
    assert rank_correlation([1, 2, 3, 4], [2, 1, 4, 3]) == pytest.approx(0.6)
    # a tie shares the mean rank: 0.5 0.5 2 against 0 1 2
    assert rank_correlation([5, 5, 7], [1, 2, 3]) == pytest.approx(3**0.5 / 2)
    assert rank_correlation([1, 2], [1, 2]) is None
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None


def test_every_point_has_its_name() -> None:
    svg = str(scatter({"codo": (0.2, 30.0), "moco_v2": (0.2, 30.0), "<b>": (0.9, 10.0)}, x_label="x", y_label="y"))
    assert svg.count("<b>") == 0
    for name in ("codo", "moco_v2", "&lt;b&gt;"):
        assert name in svg
    # Two points at one place: names a line apart.
    heights = {name: float(y) for y, name in re.findall(r'y="([\d.]+)">(codo|moco_v2)</text>', svg)}
    assert abs(heights["codo"] - heights["moco_v2"]) > 9
