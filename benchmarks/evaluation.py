"""T8: COCO's twelve numbers for boxes and for masks, against pycocotools.

    python -m benchmarks.evaluation [--images N]

Both score the same synthetic detections: of ``N`` images of 640 x 480 with 7 objects of 80 classes on average, and 50
detections an image, of which about a tenth are an object moved a little and the rest anywhere. Masks are ellipses in
their boxes, as RLE. Timed is everything from the annotations in memory to the numbers, in CPU time (ours may use
several threads). The reference is pycocotools as its demo calls it.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from benchmarks.command import run
from benchmarks.row import Check, Row
from benchmarks.timing import alternate
from codo.evaluation.coco_metrics import NAMES, Kind, coco_metrics

WIDTH, HEIGHT, CLASSES, OBJECTS, DETECTIONS = 640, 480, 80, 7, 50
BOUNDS: dict[Kind, float] = {"bbox": 15, "segm": 8}
TURN = np.linspace(0, 2 * np.pi, 24, endpoint=False)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    images, rounds = (20, 1) if options.smoke else (options.images, options.rounds)
    truth, results = synthetic(images, np.random.default_rng(0))
    for kind, least in BOUNDS.items():
        theirs, ours = np.array(pycocotools(truth, results, kind)), coco_metrics(truth, results, kind).numbers
        apart = float(np.abs(theirs - [ours[name] for name in NAMES]).max())

        def by_pycocotools(kind: Kind) -> object:
            return pycocotools(truth, results, kind)

        def by_codo(kind: Kind) -> object:
            return coco_metrics(truth, results, kind)

        yield Row(
            "T8",
            f"COCO evaluation, {kind}",
            "s",
            **alternate(by_pycocotools, by_codo, [kind] * rounds).spreads(1),
            reference_is=f"pycocotools, {images:,} images with {len(results):,} detections",
            least_ratio=least,
            checks=(
                Check(f"all twelve numbers equal to six digits (apart by {apart:.0e} at most)", apart < 5e-7),
                Check(f"AP is {theirs[0]:.3f}, neither 0 nor 1", bool(0.01 < theirs[0] < 0.99)),
            ),
        )


def pycocotools(truth: dict[str, Any], results: list[dict[str, Any]], kind: Kind) -> list[float]:
    """The twelve numbers by the reference."""
    with contextlib.redirect_stdout(io.StringIO()):
        annotations = COCO()
        annotations.dataset = copy.deepcopy(truth)
        annotations.createIndex()
        outline = "bbox" if kind == "bbox" else "segmentation"
        kept = ("image_id", "category_id", "score", outline)
        evaluation = COCOeval(annotations, annotations.loadRes([{k: r[k] for k in kept} for r in results]), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(value) for value in evaluation.stats]


def synthetic(images: int, rng: np.random.Generator) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Ground truth and detections in COCO's formats."""
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image in range(1, images + 1):
        objects = boxes(rng, 1 + rng.poisson(OBJECTS - 1))
        classes = rng.integers(1, CLASSES + 1, len(objects))
        for box, class_ in zip(objects, classes, strict=True):
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": int(class_), "iscrowd": 0}
                | outlined(box)
            )
        near = rng.integers(len(objects), size=DETECTIONS // 10)
        moved = objects[near] + rng.normal(0, 0.06, (len(near), 4)) * np.tile(objects[near][:, 2:], 2)
        found = np.concatenate([clipped(moved), boxes(rng, DETECTIONS - len(near))])
        guesses = np.concatenate([classes[near], rng.integers(1, CLASSES + 1, DETECTIONS - len(near))])
        scores = rng.beta(2, 2, DETECTIONS) * np.where(np.arange(DETECTIONS) < len(near), 1, 0.8)
        for box, class_, score in zip(found, guesses, scores, strict=True):
            outline = outlined(box)
            results.append({"image_id": image, "category_id": int(class_), "score": float(score), **outline})
    truth = {
        "info": {},
        "images": [{"id": i, "width": WIDTH, "height": HEIGHT, "file_name": f"{i}.jpg"} for i in range(1, images + 1)],
        "categories": [{"id": c, "name": f"class {c}"} for c in range(1, CLASSES + 1)],
        "annotations": annotations,
    }
    return truth, results


def boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Boxes ``(count, 4)`` as x, y, width, height, of all of COCO's sizes."""
    sides = np.exp(rng.uniform(np.log(8), np.log(320), (count, 2)))
    corner = rng.uniform(size=(count, 2)) * ([WIDTH, HEIGHT] - sides)
    return np.concatenate([corner, sides], axis=1)


def clipped(found: np.ndarray) -> np.ndarray:
    """The same boxes inside the image, at least 2 pixels a side."""
    low = np.clip(found[:, :2], 0, [WIDTH - 2, HEIGHT - 2])
    sides = np.clip(found[:, 2:], 2, [WIDTH, HEIGHT] - low)
    return np.concatenate([low, sides], axis=1)


def outlined(box: np.ndarray) -> dict[str, Any]:
    """Box, mask and area of an ellipse."""
    x, y, w, h = box
    polygon = np.stack([x + w / 2 * (1 + np.cos(TURN)), y + h / 2 * (1 + np.sin(TURN))], axis=1)
    rle = mask.frPyObjects([polygon.ravel().tolist()], HEIGHT, WIDTH)[0]
    return {
        "bbox": [round(float(side), 2) for side in box],
        "area": float(mask.area(rle)),
        "segmentation": {"size": rle["size"], "counts": rle["counts"].decode()},
    }


if __name__ == "__main__":
    run(__doc__, rows, arguments)
