"""Which images and detections a gallery shows, and how."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.evaluation.detections import DetectedObject
from codo.reporting.detection_gallery import least_confidence, note, polygons, worst_first
from tests.evaluation.assignments import assign_all, detections_of, result, truth_of


def test_worst_first_and_the_slider_s_lower_end(tmp_path: Path) -> None:
    objects = [(1, 4, [0.0, 0, 50, 50]), (2, 4, [0.0, 0, 50, 50]), (3, 4, [0.0, 0, 50, 50]), (3, 4, [90.0, 0, 50, 50])]
    found = [result(1, 4, [0, 0, 50, 50], 0.9)] + [result(2, 4, [100, 0, 9, 9], i / 1000) for i in range(150)]
    assignments = assign_all(detections_of(tmp_path, truth_of(objects, images=3), found))
    ranked = worst_first(assignments, 0.5)
    assert [assignment.image_result.name for assignment in ranked] == ["3.jpg", "2.jpg", "1.jpg"]  # 2 mistakes, 1, none
    assert note(ranked[0], 0.5) == "score 0% · 0 found, 2 not found, 0 wrong"
    assert least_confidence(assignments, 0.5) == 0.0  # 101 of 3 images
    assert least_confidence(assignments[1:2], 0.5) == pytest.approx(0.11)  # 40 of one: 0.110 to 0.149
    assert least_confidence(assignments[1:2], 0.05) == 0.05


def test_masks_become_outlines() -> None:
    parts = [[1, 1, 9, 1, 9, 9], [1, 2]]
    assert polygons(DetectedObject(0, (0, 0, 1, 1), parts), (10, 10)) == [[1, 1, 9, 1, 9, 9]]
    assert polygons(DetectedObject(0, (0, 0, 1, 1)), (10, 10)) == []
    rle = {"size": [6, 10], "counts": [6 * 2 + 1, 4, 2, 4, 2, 4, 6 * 5 + 1]}  # columns 2 to 4, rows 1 to 4
    (outline,) = polygons(DetectedObject(0, (0, 0, 1, 1), rle), (10, 6))
    assert (min(outline[::2]), max(outline[::2])) == (2.5, 4.5)
    assert (min(outline[1::2]), max(outline[1::2])) == (1.5, 4.5)
