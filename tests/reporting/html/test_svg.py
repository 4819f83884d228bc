"""Figures as elements of a page."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from codo.reporting.html.plots import Line, curves, dots
from tests.reporting.html.test_plots import LINES


def test_a_figure_belongs_to_its_page() -> None:
    svg = curves(LINES)
    assert "<style" not in svg
    assert "font-family" not in svg
    assert "http" not in svg
    assert not re.search(r"\d{4}-\d\d-\d\d", svg)
    assert set(ET.fromstring(svg).attrib) == {"viewBox", "aria-hidden"}
    assert not re.search(r"#0101|#0102", svg)  # every stand-in color was replaced
    assert "var(--s0)" in svg
    assert "var(--s1)" in svg
    assert "currentColor" in dots({"a": [1.0]}, x_label="x")


def test_ids_of_two_figures_do_not_clash_and_are_all_used() -> None:
    one, two = (curves([Line("a", range(5), [k * i for i in range(5)])]) for k in (1, 2))
    ids = [re.findall(r'id="([^"]+)"', svg) for svg in (one, two)]
    assert ids[0]
    assert not set(ids[0]) & set(ids[1])
    for svg, names in zip((one, two), ids, strict=True):
        assert all(f"#{name}" in svg for name in names)
