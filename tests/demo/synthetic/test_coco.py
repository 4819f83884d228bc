"""One annotation, counted by hand."""

from __future__ import annotations

import numpy as np
from pycocotools import mask as rle

from codo.demo.synthetic.classes import CLASSES
from codo.demo.synthetic.coco import annotation
from codo.demo.synthetic.compositor import Instance


def test_annotation_of_a_frame() -> None:
    mask = np.zeros((10, 12), bool)
    mask[2:7, 3:11] = True
    mask[4, 5] = False  # a hole
    entry = annotation(Instance("key", mask, 1.0))
    assert entry["bbox"] == [3.0, 2.0, 8.0, 5.0]
    assert entry["area"] == 39.0
    assert list(CLASSES)[entry["category_id"] - 1] == "key"
    assert entry["segmentation"]["size"] == [10, 12]
    assert np.array_equal(rle.decode(entry["segmentation"]), mask)
