import math
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from markupsafe import Markup

from codo.reporting.html.plots import Line, Reference, curves, describe, dots, histogram, subsample

LINES = [Line("P2", range(10), [8.0 - i / 10 for i in range(10)]), Line("P3", range(10), [8.0] * 10)]


def texts(svg: Markup) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter("text")]


def test_the_same_data_give_the_same_bytes() -> None:
    assert curves(LINES, references=[Reference(8.3, "chance")]) == curves(LINES, references=[Reference(8.3, "chance")])
    assert histogram([1, 2, 3], bins=[0, 2, 4], x_label="x") == histogram([1, 2, 3], bins=[0, 2, 4], x_label="x")


def test_curves_name_their_lines_and_references() -> None:
    found = texts(curves(LINES, references=[Reference(8.318, "ln(K+1)")]))
    assert {"P2", "P3", "ln(K+1) = 8.32", "step"} <= set(found)


@pytest.mark.parametrize(
    "name", ['<script>alert("x")</script>', "$\\frac{1}{2}$", 'a" id="x', "#010101", "\N{SNOWMAN}"]
)
def test_names_are_text_whatever_they_hold(name: str) -> None:
    svg = dots({name: [1.0, 2.0]}, x_label="x")
    assert name in texts(svg)
    assert "<script" not in svg


def test_long_names_leave_room_for_the_figure() -> None:
    svg = dots({"x" * 300: [1.0]}, x_label="x")
    assert "x" * 27 + "…" in texts(svg)


def test_gaps_and_single_points_and_nothing_can_be_drawn() -> None:
    for values in ([1.0, math.nan, 3.0], [math.nan], [2.0], []):
        ET.fromstring(curves([Line("a", range(len(values)), values)], references=[Reference(1.0, "r")]))
    ET.fromstring(curves([]))
    ET.fromstring(histogram([], bins=[0, 1], x_label="x"))
    ET.fromstring(dots({"none": [], "one": [3.0]}, x_label="x"))


def test_a_logarithmic_axis_is_labeled_with_plain_numbers() -> None:
    labels = texts(curves([Line("a", range(50), np.geomspace(0.01, 100, 50).tolist())], log=True))
    assert {"0.01", "1", "100"} <= set(labels)
    assert not any("$" in label for label in labels)


def test_curves_are_drawn_where_their_values_are() -> None:
    svg = ET.fromstring(curves([Line("a", [0, 1, 2], [0.0, 1.0, 4.0])], limits=(0, 4)))
    paths = [p.get("d", "") for p in svg.iter("path") if "var(--s0)" in p.get("style", "")]
    y = [float(v) for v in re.findall(r"[ML] \S+ (\S+)", paths[0])]
    assert (y[0] - y[1]) / (y[0] - y[2]) == pytest.approx(0.25, abs=0.01)


def test_thinning_averages_neighbors() -> None:
    x, y = subsample(range(8), [0, 2, 4, 6, math.nan, 1, math.nan, math.nan], points=4)
    assert x.tolist() == [0.5, 2.5, 4.5, 6.5]
    assert y[:3].tolist() == [1.0, 5.0, 1.0]
    assert math.isnan(y[3])
    assert subsample([0, 1], [5, math.inf])[1][0] == 5


def test_a_description_says_where_the_curves_go() -> None:
    said = describe("Loss", LINES, [Reference(8.318, "ln(K+1)")])
    assert said == "Loss. P2 from 8.00 to 7.10; P3 from 8.00 to 8.00; reference ln(K+1): 8.32."
    assert describe("Loss", [Line("a", [0], [math.nan])]) == "Loss. No values."
