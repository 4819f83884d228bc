"""AP on resampled images: against COCO's own evaluation of a data set in which images really stand several times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codo.evaluation.coco_metrics import coco_metrics
from codo.evaluation.resampling import image_weights, resampled_ap
from tests.evaluation.assignments import Results, Truth, detections_of, result, truth_of

BIG = [20.0, 20.0, 100.0, 100.0]


def noisy(images: int) -> tuple[Truth, Results]:
    """Objects of two classes, some of them crowds, and detections near and far; some images have none of either."""
    rng = np.random.default_rng(3)
    objects = [
        (int(image), int(rng.choice([4, 9])), [*rng.uniform(0, 90, 2), *rng.uniform(20, 100, 2)])
        for image in rng.integers(1, images + 1, 3 * images)
    ]
    truth = truth_of(objects, images=images, crowd=tuple(range(0, len(objects), 7)))
    results = []
    for image, category, box in objects:
        for _ in range(int(rng.integers(0, 4))):
            near = (np.array(box) * rng.normal(1, 0.1, 4)).tolist()
            results.append(result(image, category if rng.random() < 0.8 else 13 - category, near, rng.random()))
    return truth, results


def repeated(truth: Truth, results: Results, times: np.ndarray) -> tuple[dict[str, Any], Results]:
    """A data set with image ``i`` (from 1) ``times[i - 1]`` times."""
    copies: dict[str, Any] = {"info": {}, "images": [], "categories": truth["categories"], "annotations": []}
    found: Results = []
    for image, count in zip(truth["images"], times, strict=True):
        for _ in range(count):
            new = len(copies["images"]) + 1
            copies["images"].append(image | {"id": new})
            for row in truth["annotations"]:
                if row["image_id"] == image["id"]:
                    number = len(copies["annotations"]) + 1
                    copies["annotations"].append(row | {"id": number, "image_id": new, "segmentation": []})
            found += [row | {"image_id": new} for row in results if row["image_id"] == image["id"]]
    return copies, found


def test_it_equals_coco_on_every_resample(tmp_path: Path) -> None:
    truth, results = noisy(12)
    weights = np.concatenate([np.ones((1, 12), np.int32), image_weights(12, 4)])
    found = resampled_ap(detections_of(tmp_path, truth, results), weights)
    for b, times in enumerate(weights):
        numbers = coco_metrics(*repeated(truth, results, times), "bbox").numbers
        assert 0 < numbers["AP75"] < numbers["AP50"] < 1
        for name in ("AP", "AP50", "AP75"):
            assert found[name][b] == pytest.approx(numbers[name], abs=1e-9)


def test_by_hand(tmp_path: Path) -> None:
    # One object in each of two images: the first is found, the second is not.
    truth = truth_of([(1, 4, BIG), (2, 4, BIG)])
    detections = detections_of(tmp_path, truth, [result(1, 4, BIG, 0.9)])
    weights = np.array([[1, 1], [2, 0], [0, 2], [1, 3]], dtype=np.int32)
    # Half of the objects are found at full precision: recalls 0 to 0.50, 51 of 101. A quarter: 0 to 0.25, 26 of 101.
    assert resampled_ap(detections, weights)["AP"] == pytest.approx([51 / 101, 1, 0, 26 / 101])


def test_edges(tmp_path: Path) -> None:
    ones = np.ones((1, 2), np.int32)
    objects = [(1, 4, BIG)]
    assert resampled_ap(detections_of(tmp_path / "a", truth_of([]), []), ones)["AP"].tolist() == [-1]
    assert resampled_ap(detections_of(tmp_path / "b", truth_of(objects), []), ones)["AP"].tolist() == [0]
    # An image without the object stands alone: nothing to measure there.
    found = detections_of(tmp_path / "c", truth_of(objects), [result(1, 4, BIG, 0.9), result(2, 9, BIG, 0.9)])
    both = resampled_ap(found, np.array([[1, 1], [0, 2]], np.int32))
    assert both["AP50"].tolist() == [1, -1]


def test_draws_are_always_the_same_and_of_the_same_size() -> None:
    weights = image_weights(30, 200)
    assert (weights.sum(axis=1) == 30).all()
    assert np.array_equal(weights, image_weights(30, 200))
    assert weights.mean() == 1
    assert (weights == 0).mean() == pytest.approx((1 - 1 / 30) ** 30, abs=0.01)  # images left out of a resample
