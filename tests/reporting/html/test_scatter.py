from __future__ import annotations

import re

import numpy as np

from codo.reporting.html.scatter import places, scatter


def test_every_point_has_its_name() -> None:
    svg = str(scatter({"codo": (0.2, 30.0), "moco_v2": (0.2, 30.0), "<b>": (0.9, 10.0)}, x_label="x", y_label="y"))
    assert svg.count("<b>") == 0
    for name in ("codo", "moco_v2", "&lt;b&gt;"):
        assert name in svg
    # Two points at one place: names a line apart.
    heights = {name: float(y) for y, name in re.findall(r'y="([\d.]+)">(codo|moco_v2)</text>', svg)}
    assert abs(heights["codo"] - heights["moco_v2"]) > 9


def test_names_lie_neither_on_dots_nor_on_each_other() -> None:
    names = ["a", "of_middle_length", "b" * 12, "c" * 12, "d" * 12, "e" * 12]
    dots = np.array([[50, 50], [52, 50], [60, 55], [55, 60], [70, 52], [100, 50]], float)
    found = places(names, dots, np.array([0.0, 0, 200, 120]))
    boxes = []
    for name, (x, y), (right, up) in zip(names, dots, found, strict=True):
        width = 0.6 * 9.5 * len(name)
        left = x + right - (width if right < 0 else 0 if right else width / 2)
        boxes.append((left, y + up - 5, left + width, y + up + 5))
    for i, a in enumerate(boxes):
        assert 0 <= a[0] <= a[2] <= 200
        assert not any(a[0] < x < a[2] and a[1] < y < a[3] for x, y in dots)
        for b in boxes[i + 1 :]:
            assert min(a[2], b[2]) <= max(a[0], b[0]) or min(a[3], b[3]) <= max(a[1], b[1])
    assert places(["alone"], dots[:1], np.array([0.0, 0, 200, 120])) == [(9, 0)]
    # At the right border there is room on the left only.
    assert places(["alone"], np.array([[190.0, 50]]), np.array([0.0, 0, 200, 120])) == [(-9, 0)]
