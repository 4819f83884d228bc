"""Figures as files: standalone SVG with text and fixed colors, and CSV with the numbers."""

from __future__ import annotations

import csv
import io
from importlib import resources
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from codo.reporting.error_plots import precision_recall
from codo.reporting.html.blocks import Figure, Figures, Numbers, Page, Section
from codo.reporting.html.figure_files import FigureFiles, csv_text, file_name
from codo.reporting.html.page import render
from codo.reporting.html.plots import Line, curves, histogram_numbers, numbers_of

EVIL = "</a><script>alert(1)</script>\"'&#%25,\n=1"
LINES = [Line("P2", [1, 2, 3], [0.5, 0.25, float("nan")]), Line(EVIL, [2, 4], [1.0, 2.0])]
CSS = (resources.files("codo.reporting.html") / "templates" / "page.css").read_text(encoding="utf-8")


@pytest.fixture
def figure() -> Figure:
    return Figure(EVIL, curves(LINES), "caption", "alt", numbers_of(LINES))


def test_the_svg_stands_alone(figure: Figure) -> None:
    text = FigureFiles(CSS).svg_text(figure)
    root = ET.fromstring(text)  # well-formed, with its namespace
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("width", "").endswith("pt")
    assert "var(" not in text
    assert "currentColor" not in text
    assert "#0072b2" in text  # the first color of a curve on white
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "P2" in texts  # text stays text
    assert root.findtext("{http://www.w3.org/2000/svg}title") == EVIL


def test_uses_are_found_by_old_programs_too() -> None:
    figure = Figure("t", precision_recall(np.ones(101), np.ones(101), "a"), "", "", Numbers(["x"], []))
    text = FigureFiles(CSS).svg_text(figure)
    assert " href=" not in text
    assert text.count("xlink:href=") == str(figure.svg).count(" href=")


def test_the_numbers_are_those_of_the_curves(figure: Figure) -> None:
    rows = list(csv.reader(io.StringIO(csv_text(figure))))
    assert rows == [["step", "P2", EVIL], ["1", "0.5", ""], ["2", "0.25", "1"], ["3", "", ""], ["4", "", "2"]]


def test_long_curves_have_the_points_that_are_drawn() -> None:
    line = Line("loss", list(range(2400)), [float(i) for i in range(2400)])
    numbers = numbers_of([line])
    assert len(numbers.rows) == 240
    assert numbers.rows[0] == [4.5, 4.5]  # the mean of ten steps


def test_the_bars_of_a_histogram() -> None:
    assert histogram_numbers([1, 1, 2.5], [0, 2, 4]).rows == [(0.0, 2.0, 2), (2.0, 4.0, 1)]


def test_the_links_of_a_page_hold_the_files(figure: Figure) -> None:
    html = render(Page("t", "k", "", [Section("s", [Figures([figure])])]))
    links = [part.split('"')[0] for part in html.split('href="data:')[1:]]
    svg, table = (unquote(link) for link in links)
    assert svg == f"image/svg+xml,{FigureFiles(CSS).svg_text(figure)}"
    assert table == f"text/csv;charset=utf-8,{csv_text(figure)}"
    assert html.count("<script>") == 1


def test_names_of_files() -> None:
    assert file_name("Loss by level (nats)") == "loss-by-level-nats"
    assert file_name("../../étc") == "tc"
    assert file_name("…") == "figure"
    assert len(file_name("x" * 400)) == 60
