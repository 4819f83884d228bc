from __future__ import annotations

import numpy as np
import pytest

from codo.core.rng import RngStream, generator
from codo.loading.located_views import MAX_IOU, background_box
from codo.views.boxes import iou
from codo.views.kernels import philox

S = 64


def test_background_boxes_show_little_of_the_object_and_lie_in_the_canvas() -> None:
    rng = np.random.default_rng(0)
    pasted = np.array([10, 20, 40, 50], dtype=np.float32)
    boxes = np.stack([background_box(pasted, S, rng) for _ in range(300)])
    assert (iou(boxes, pasted[None]) < MAX_IOU).all()
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= S).all()
    sides = boxes[:, 2:] - boxes[:, :2]
    assert 0.19 * S < sides.min() < 0.25 * S
    assert 0.7 * S < sides.max() <= 0.81 * S
    full = np.array([0, 0, S, S], dtype=np.float32)  # covers everything: the one that overlaps least is small
    small = background_box(full, S, rng)
    assert iou(small, full) == pytest.approx(0.04, abs=0.06)


@pytest.mark.parametrize("pasted", [(10, 20, 40, 50), (0, 0, S, S), (0, 30, 64, 60)])
def test_compiled_background_boxes_are_those_of_numpys_generator(pasted: tuple[int, ...]) -> None:
    box = np.array(pasted, dtype=np.float32)
    for sample in range(200):
        key = (3, 1, sample, RngStream.BACKGROUND + 1)
        np.testing.assert_array_equal(
            background_box(box, S, philox.start(*key)), background_box(box, S, generator(*key))
        )
