"""Refusals name the first wrong entry and count all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codo.core.errors import InputError
from codo.layouts.entries import FileEntries

LINES = FileEntries("line", [Path("a/1.txt"), Path("a/1.txt"), Path("b/2.txt")], [1, 2, 1])


def test_one_and_several_offenders() -> None:
    assert LINES.describe([1], "too long") == "1 line too long: line 2 of 1.txt"
    assert LINES.describe([1, 2], "too long", lambda i: f"{i}0") == "2 lines too long; the first: line 2 of 1.txt (10)"
    assert FileEntries("category", [Path("x")] * 2).describe([0, 1], "empty") == "2 categories empty; the first: x"


def test_nothing_is_raised_without_offenders() -> None:
    LINES.refuse([], "too long", "cut it")
    with pytest.raises(InputError) as caught:
        LINES.refuse(iter([2]), "too long", "cut it")
    assert (caught.value.where, caught.value.fix) == ("b/2.txt", "cut it")


def test_boxes_may_overshoot_by_two_pixels_and_be_flat() -> None:
    sizes = np.array([[40, 50]] * 3)  # height, width
    boxes = np.array([[-2, 0, 54, 42], [0, 0, 0, 5], [10, 10, 5, 5]], dtype=np.float64)
    warning = LINES.check_boxes(boxes, sizes, lambda i: f"box {i}", "write boxes")
    assert warning == "a/1.txt: 1 line with a box of zero size: line 2 of 1.txt (box 1); not trained on"
    boxes[2] = [46, 10, 7, 5]
    with pytest.raises(InputError, match=r"more than 2 pixels out of its image: line 1 of 2\.txt \(box 2 in 50 x 40\)"):
        LINES.check_boxes(boxes, sizes, lambda i: f"box {i}", "write boxes")
