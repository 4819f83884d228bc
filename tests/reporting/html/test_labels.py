from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from codo.reporting.html.labels import apart, name_references


@given(st.lists(st.floats(-1, 2), min_size=1, max_size=8).map(sorted))
def test_names_keep_their_distance_and_order(places: list[float]) -> None:
    gap = 0.095
    moved = apart(places, gap)
    assert len(moved) == len(places)
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(moved))
    assert min(moved) >= -1e-9
    assert max(moved) <= 1 + 1e-9


def test_names_that_do_not_touch_stay() -> None:
    assert apart([0.1, 0.5, 0.9], 0.1) == [0.1, 0.5, 0.9]
    assert apart([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])


@pytest.mark.parametrize(
    ("curve", "place"),
    [
        ([0.1, 0.1, 0.55, 0.55], ("left", "bottom")),  # the curve passes above the line at the right end
        ([0.55, 0.55, 0.1, 0.1], ("right", "bottom")),
        ([0.55, 0.55, 0.55, 0.55], ("right", "top")),
    ],
)
def test_a_reference_is_named_where_no_curve_runs(curve: list[float], place: tuple[str, str]) -> None:
    axes = Figure().add_subplot()
    axes.plot(np.linspace(0, 1, 40), np.interp(np.linspace(0, 3, 40), range(4), curve))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    name_references(axes, [("chance", 0.5)], "black")
    (text,) = axes.texts
    assert text.get_text() == "chance = 0.500"
    assert (text.get_horizontalalignment(), text.get_verticalalignment()) == place
