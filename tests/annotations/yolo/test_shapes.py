"""Boxes and outlines of YOLO in pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codo.annotations.source import read_annotations
from codo.annotations.yolo.shapes import polygon_areas
from tests.annotations.layouts import settings
from tests.annotations.yolo.conftest import RefusesLines


def test_boxes_and_outlines_may_be_mixed(yolo: Path) -> None:
    (yolo / "labels/train/000.txt").write_text("0 0.5 0.5 0.25 0.5\n1 0 0 0.5 0 0.5 0.5\n")
    read = read_annotations(settings(yolo), "train")
    assert read.bbox[:2].tolist() == [[36, 16, 24, 32], [0, 0, 48, 32]]
    assert read.segmentations[0] is None
    assert read.segmentations[1] == [[0, 0, 48, 0, 48, 32]]
    assert read.areas[:2].tolist() == [768, 768]
    assert not read.has_masks


def test_areas_of_polygons_by_hand() -> None:
    """A right triangle, a square drawn the other way round, and a line."""
    triangle, square, line = [[0, 0], [4, 0], [0, 3]], [[1, 1], [1, 3], [3, 3], [3, 1]], [[0, 0], [5, 5], [0, 0]]
    points = np.array([*triangle, *square, *line], dtype=np.float64)
    assert polygon_areas(points, np.array([0, 3, 7])).tolist() == [6, 4, 0]


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        (
            {"000": "0 40 30 20 20", "001": "0 40 30 20 20"},
            "2 lines with numbers outside of 0 to 1; the first: line 2 of 000.txt (0 40 30 20 20 in 96 x 64)",
        ),
        (
            {"002": "1 0.1 0.1 0.5 0.1 0.5 1.4"},
            "1 line with numbers outside of 0 to 1: line 2 of 002.txt (1 0.1 0.1 0.5 0.1 … in 96 x 64)",
        ),
        (
            {"001": "0 0.9 0.5 0.4 0.2"},
            "1 line with a box that reaches more than 2 pixels out of its image: line 2 of 001.txt (0 0.9 0.5 0.4 0.2",
        ),
    ],
)
def test_shapes_outside_their_image(lines: dict[str, str], what: str, refuses_lines: RefusesLines) -> None:
    refuses_lines(lines, what)
