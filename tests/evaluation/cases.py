"""Edge cases of matching, and detections made of ground truth: for everything that is held against pycocotools."""

from __future__ import annotations

import numpy as np

from codo.geometry.segmentations import draw, encode
from tests.evaluation.assignments import Results, Truth, result, truth_of

BIG = [20.0, 20.0, 100.0, 100.0]
CASES: dict[str, tuple[Truth, Results]] = {
    "perfect": (truth_of([(1, 4, BIG), (2, 9, BIG)]), [result(1, 4, BIG, 0.9), result(2, 9, BIG, 0.8)]),
    "no detections": (truth_of([(1, 4, BIG)]), []),
    "nothing at all": (truth_of([]), []),
    "detections without objects": (truth_of([]), [result(1, 4, BIG, 0.5)]),
    "a class without objects": (truth_of([(1, 4, BIG)]), [result(1, 9, BIG, 0.9), result(1, 4, BIG, 0.2)]),
    "a crowd excuses what lies in it": (
        truth_of([(1, 4, [0, 0, 200, 200]), (1, 4, BIG)], crowd=(0,)),
        [result(1, 4, BIG, 0.5), result(1, 4, [120, 120, 60, 60], 0.9), result(1, 4, [130, 10, 50, 60], 0.8)],
    ),
    "a crowd takes the twin": (
        truth_of([(1, 4, BIG), (1, 4, [0, 0, 200, 200])], crowd=(1,)),
        [result(1, 4, BIG, 0.5), result(1, 4, BIG, 0.9), result(2, 4, BIG, 0.7)],
    ),
    "only a crowd": (truth_of([(1, 4, BIG)], crowd=(0,)), [result(1, 4, BIG, 0.9)]),
    "ties within and over images": (
        truth_of([(1, 4, BIG), (2, 4, BIG), (2, 4, [120, 120, 50, 50])]),
        [result(i, 4, box, 0.5) for i in (2, 1) for box in ([22.0, 20, 100, 100], BIG, [20.0, 24, 90, 100])],
    ),
    "two objects that overlap a detection equally": (
        truth_of([(1, 4, [0, 0, 100, 100]), (1, 4, [20, 0, 100, 100])]),
        [result(1, 4, [10, 0, 100, 100], 0.9), result(1, 4, [0, 0, 100, 100], 0.8)],
    ),
    "exactly at the threshold": (
        truth_of([(1, 4, [0, 0, 100, 100]), (2, 4, [0, 0, 100, 100])]),
        [result(1, 4, [0, 0, 50, 100], 0.9), result(2, 4, [0, 0, 75, 100], 0.8)],
    ),
    "an object twice": (truth_of([(1, 4, BIG), (1, 4, BIG)]), [result(1, 4, BIG, 0.5), result(1, 4, BIG, 0.4)]),
    "more than 100 detections of a class in an image": (
        truth_of([(1, 4, BIG), (1, 9, BIG)]),
        [result(1, 4, [float(i), 30, 60, 60], 1 - i / 200) for i in range(150)]
        + [result(1, 4, BIG, 0.1), result(1, 9, BIG, 0.1)],
    ),
    "every size": (
        truth_of(
            [(1, 4, [5, 5, 20, 20]), (1, 4, [50, 50, 60, 60]), (2, 4, [20, 20, 150, 150]), (2, 9, [0, 0, 32, 32])]
        ),
        [result(1, 4, [6, 5, 20, 20], 0.9), result(1, 4, [55, 50, 60, 60], 0.8), result(2, 4, [30, 20, 150, 150], 0.7)],
    ),
}
"""Ground truth and detections in which a rule of COCO's matters, by its name."""


def perturbed(truth: Truth, rng: np.random.Generator) -> Results:
    """Detections that are the truth with noise: moved, missed, doubled, mistaken, with coarse scores that tie."""
    sizes = {image["id"]: (image["height"], image["width"]) for image in truth["images"]}
    ids = [category["id"] for category in truth["categories"]]
    results = []
    for row in truth["annotations"]:
        for _ in range(int(rng.integers(0, 3))):
            box = np.array(row["bbox"]) * rng.normal(1, 0.08, 4)
            mask = np.roll(draw(row["segmentation"], *sizes[row["image_id"]]), rng.integers(-3, 4, 2), axis=(0, 1))
            category = row["category_id"] if rng.random() < 0.9 else ids[int(rng.integers(len(ids)))]
            one = result(row["image_id"], category, box.tolist(), float(rng.integers(1, 40)) / 40)
            results.append(one | {"segmentation": encode(mask)})
    return results
