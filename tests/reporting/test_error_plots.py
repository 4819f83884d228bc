"""Figures of detections."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np
from markupsafe import Markup

from codo.evaluation.error_types import ERRORS, ErrorType
from codo.reporting.error_plots import bars, precision_recall, shares


def texts(svg: Markup) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter("text")]


def ids(svg: Markup) -> set[str]:
    return {element.attrib["id"] for element in ET.fromstring(svg).iter() if "id" in element.attrib}


def test_figures_of_the_same_content_do_not_share_ids() -> None:
    flat = np.zeros(101)
    one, two = precision_recall(flat, flat, "cat"), precision_recall(flat, flat, "dog")
    assert ids(one)
    assert not ids(one) & ids(two)
    assert one == precision_recall(flat, flat, "cat")
    assert {"recall", "precision", "IoU 0.5", "0.75"} <= set(texts(one))


def test_every_kind_of_error_has_a_bar_of_its_color_and_its_value() -> None:
    svg = bars({error: float(i) for i, error in enumerate(ERRORS, 1)}, x_label="points")
    assert {"points", "1.0", "6.0", *(error.value for error in ERRORS)} <= set(texts(svg))
    for error in ERRORS:
        assert f"var(--{error})" in svg
    assert not re.search(r"#010[123]", svg)  # every stand-in color was replaced
    assert bars(dict.fromkeys(ERRORS, 0.0), x_label="nothing to gain")


def test_shares_fill_every_row() -> None:
    svg = shares(["a", "none"], {ErrorType.CORRECT: [3, 0], ErrorType.MISSED: [1, 0]}, x_label="%")
    tree = ET.fromstring(svg)
    drawn = {
        kind: [
            path
            for path in tree.iter("path")
            if f"var(--{kind})" in path.get("style", "") and "clip-path" in path.attrib
        ]
        for kind in (ErrorType.CORRECT, ErrorType.MISSED)
    }
    widths = {kind: _width(paths[0].attrib["d"]) for kind, paths in drawn.items()}
    assert abs(widths[ErrorType.CORRECT] - 3 * widths[ErrorType.MISSED]) < 0.1
    assert {"a", "none", "correct", "missed"} <= set(texts(svg))


def _width(path: str) -> float:
    x = [float(value) for value in re.findall(r"[ML] (-?[\d.]+)", path)]
    return max(x) - min(x)
