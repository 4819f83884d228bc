"""Geometry by hand, and the paper's IoU rule over many draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codo.views import boxes


def test_iou_by_hand() -> None:
    a = [0, 0, 4, 4]
    assert boxes.iou(a, a) == 1.0
    assert boxes.iou(a, [2, 0, 6, 4]) == pytest.approx(8 / 24)
    assert boxes.iou(a, [4, 0, 8, 4]) == 0.0  # half-open boxes that touch share nothing
    assert boxes.iou([0, 0, 0, 0], [0, 0, 0, 0]) == 0.0


def test_iou_broadcasts() -> None:
    many = np.array([[0, 0, 4, 4], [2, 0, 6, 4]])
    assert boxes.iou(many, [0, 0, 4, 4]) == pytest.approx([1.0, 1 / 3])


def test_clip_by_hand() -> None:
    assert boxes.clip([-3, 2, 12, 9], 10, 8).tolist() == [0, 2, 10, 8]


def test_no_jitter_returns_the_pasted_box() -> None:
    box, rng = np.array([1, 2, 30, 40], np.float32), np.random.default_rng(0)
    assert boxes.jitter(box, 64, 0.0, 0.6, 20, rng).tolist() == [1, 2, 30, 40]


def test_jitter_falls_back_to_the_pasted_box() -> None:
    # With an IoU of at least 1 asked for, nothing can pass.
    box, rng = np.array([1, 2, 30, 40], np.float32), np.random.default_rng(0)
    assert boxes.jitter(box, 64, 0.2, 1.0, 20, rng).tolist() == [1, 2, 30, 40]


def test_a_hundred_thousand_jitters_keep_the_rule() -> None:
    """IoU > 0.6 with the pasted box and inside the canvas, for the float32 numbers the network gets."""
    rng = np.random.default_rng(0)
    canvas, n = 224, 100_000
    sides = rng.integers(32, canvas + 1, size=(n, 2))
    low = rng.integers(0, canvas - sides + 1)
    pasted = np.concatenate([low, low + sides], axis=1).astype(np.float32)
    jittered = np.stack([boxes.jitter(box, canvas, 0.2, 0.6, 20, rng) for box in pasted])
    assert jittered.dtype == np.float32
    assert boxes.iou(jittered, pasted).min() > 0.6
    assert jittered.min() >= 0
    assert jittered.max() <= canvas
    assert (jittered[:, 2:] > jittered[:, :2]).all()
    # It does jitter: hardly any box stays, and the mean overlap is that of docs/method.md#box-jitter.
    assert (jittered == pasted).all(axis=1).mean() < 0.001
    assert 0.70 < boxes.iou(jittered, pasted).mean() < 0.80


@given(
    st.integers(0, 200),
    st.integers(0, 200),
    st.integers(1, 56),
    st.integers(1, 56),
    st.floats(0, 0.9),
    st.integers(0, 9),
)
def test_jitter_of_any_box_and_reach(x: int, y: int, w: int, h: int, reach: float, seed: int) -> None:
    pasted = np.array([x, y, min(256, x + w), min(256, y + h)], dtype=np.float32)
    box = boxes.jitter(pasted, 256, reach, 0.6, 20, np.random.default_rng(seed))
    assert boxes.iou(box, pasted) > 0.6
    assert box.min() >= 0
    assert box.max() <= 256


def test_boxes_are_carried_into_a_view_by_hand() -> None:
    # The view shows columns 10 to 50 and rows 20 to 40 on 80 x 80: twice as wide, four times as high.
    part = (10, 20, 50, 40)
    found = boxes.transform_boxes([[20, 25, 30, 35], [0, 0, 60, 60], [50, 20, 60, 30]], part, 80, False)
    assert found.tolist() == [[20, 20, 40, 60], [0, 0, 80, 80], [80, 0, 80, 40]]  # the last lies outside: empty
    mirrored = boxes.transform_boxes([[20, 25, 30, 35]], part, 80, True)
    assert mirrored.tolist() == [[40, 20, 60, 60]]


def test_a_varied_box_lies_in_the_image_and_near_the_box() -> None:
    rng, box = np.random.default_rng(0), np.array([60, 40, 140, 120])
    found = np.array([boxes.augment_box(box, 200, 160, rng) for _ in range(200)])
    assert (found[:, :2] >= 0).all()
    assert (found[:, 2:] <= [200, 160]).all()
    assert (boxes.iou(found, box) > 0.5).all()
    sides = found[:, 2:] - found[:, :2]
    ratio, share = sides[:, 0] / sides[:, 1], sides.prod(1) / 80**2
    assert 0.45 < ratio.min() < 0.7 < 1.4 < ratio.max() < 2.2
    assert 0.48 < share.min() < 0.65 < 1.5 < share.max() < 2.05
    assert (found != box).any(axis=1).mean() > 0.95


def test_a_box_that_cannot_vary_stays() -> None:
    assert boxes.augment_box([0, 0, 90, 90], 20, 20, np.random.default_rng(0)).tolist() == [0, 0, 90, 90]
