"""COCO's twelve numbers (Lin et al. 2014, cocodataset.org/#detection-eval).

Computed by hotcoco, a Rust implementation 30 to 70 times faster than pycocotools and equal to it in all six printed
digits (tests hold the two together); ``backend="pycocotools"`` is the reference.
"""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

NAMES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
"""AP over IoU 0.50:0.95, at 0.50, at 0.75, of small, medium and large objects; AR for 1, 10 and 100 detections an
image, of small, medium and large objects. From 0 to 1; -1 where the ground truth has no such object."""

Kind = Literal["bbox", "segm"]
Backend = Literal["hotcoco", "pycocotools"]


class Scores(NamedTuple):
    """How well detections match the ground truth.

    Attributes:
        numbers: The twelve numbers by `NAMES`.
        by_class: AP by category id; -1 for a class without objects.
    """

    numbers: dict[str, float]
    by_class: dict[int, float]


def coco_metrics(
    truth: dict[str, Any], results: Sequence[dict[str, Any]], kind: Kind, backend: Backend = "hotcoco"
) -> Scores:
    """Score detections against ground truth.

    Args:
        truth: COCO annotations: ``images``, ``categories``, ``annotations``.
        results: COCO results: ``image_id``, ``category_id``, ``score`` and ``bbox`` or ``segmentation`` (RLE) or both.
        kind: Match by boxes (``bbox``) or masks (``segm``).
        backend: The library that computes them.
    """
    chosen = [_only(result, kind) for result in results]
    evaluation = _hotcoco(truth, chosen, kind) if backend == "hotcoco" else _pycocotools(truth, chosen, kind)
    with contextlib.redirect_stdout(io.StringIO()):  # both print their tables
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    numbers = {name: float(value) for name, value in zip(NAMES, evaluation.stats, strict=True)}
    # precision: (IoU thresholds, recall thresholds, classes, areas, numbers of detections)
    precision = np.asarray(evaluation.eval["precision"])[:, :, :, 0, -1]
    ids = evaluation.params.catIds
    by_class = {int(id_): _mean(precision[:, :, k]) for k, id_ in enumerate(ids)}
    return Scores(numbers, by_class)


def _mean(precision: npt.NDArray[np.float64]) -> float:
    """Mean of the defined values; undefined ones are -1."""
    defined = precision[precision > -1]
    return float(defined.mean()) if len(defined) else -1.0


def _only(result: dict[str, Any], kind: Kind) -> dict[str, Any]:
    """A result with only the box or only the mask: COCO takes the area from the box where there are both."""
    outline = "bbox" if kind == "bbox" else "segmentation"
    return {key: result[key] for key in ("image_id", "category_id", "score", outline)}


def _hotcoco(truth: dict[str, Any], results: list[dict[str, Any]], kind: Kind) -> Any:
    import hotcoco

    ground_truth = hotcoco.COCO(truth)
    return hotcoco.COCOeval(ground_truth, ground_truth.load_res(results), kind)


def _pycocotools(truth: dict[str, Any], results: list[dict[str, Any]], kind: Kind) -> Any:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = COCO()
        ground_truth.dataset = copy.deepcopy(truth)  # it writes into what it is given
        ground_truth.createIndex()
        if results:
            detections = ground_truth.loadRes(results)
        else:  # loadRes looks at the first detection
            detections = COCO()
            detections.dataset = {"images": truth["images"], "categories": truth["categories"], "annotations": []}
            detections.createIndex()
        return COCOeval(ground_truth, detections, kind)
