from __future__ import annotations

import numpy as np

from codo.views.anchors import anchor_box, anchors
from codo.views.boxes import iou


def test_there_are_as_many_as_insloc_has() -> None:
    assert anchors(256).shape == (5120, 4)  # docs/methods.md#insloc
    assert anchors(256).min() >= 0
    assert anchors(256).max() <= 256


def test_the_anchor_overlaps_by_more_than_asked() -> None:
    rng, moved = np.random.default_rng(0), 0
    for _ in range(200):
        low = rng.uniform(0, 100, 2)
        box = np.concatenate([low, low + rng.uniform(100, 156, 2)]).astype(np.float32)
        found = anchor_box(box, 256, 0.5, rng)
        assert iou(found[None].astype(np.float64), box[None].astype(np.float64)).item() > 0.5
        moved += not np.array_equal(found, box)
    assert moved == 200  # docs/method.md#box-jitter: at 0.5 every box has one


def test_without_a_candidate_the_box_itself_is_used() -> None:
    box = np.array([3, 5, 9, 250], dtype=np.float32)
    assert np.array_equal(anchor_box(box, 256, 0.9, np.random.default_rng(0)), box)


def test_draws_differ_and_repeat() -> None:
    box = np.array([40, 40, 200, 210], dtype=np.float32)
    drawn = [anchor_box(box, 256, 0.5, np.random.default_rng(seed)).tolist() for seed in range(20)]
    assert len({tuple(one) for one in drawn}) > 5
    assert drawn == [anchor_box(box, 256, 0.5, np.random.default_rng(seed)).tolist() for seed in range(20)]
