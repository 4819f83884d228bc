"""Run a detector over a data set and score what it finds.

Every image goes through alone and in float32: padding beside a larger image and bfloat16 scores would make the result
depend on the batch size and on the number of processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist

from codo.annotations.records import Annotations
from codo.core.errors import CodoError
from codo.detection.dataset import EvaluationDataset
from codo.detection.detector import Detector
from codo.detection.results import to_results
from codo.evaluation.coco_metrics import Backend, Kind, Scores, coco_metrics
from codo.loading.loader import build_loader
from codo.training.distributed import DistributedContext, StopSignal


def predict(
    detector: Detector,
    annotations: Annotations,
    *,
    ids: Sequence[int],
    short_side: int,
    max_size: int,
    workers: int,
    context: DistributedContext,
    stop: StopSignal | None = None,
) -> list[dict[str, Any]]:
    """Detections on all images, as COCO results in the order of the images; the same on every rank.

    Args:
        detector: On the device of ``context``; put into evaluation mode, channels last.
        annotations: With images.
        ids: Category id of every label, from label 1.
        short_side: Short side that images are shown at, in pixels.
        max_size: Largest long side, in pixels.
        workers: Loader processes.
        context: Rank, world size and device of this process.
        stop: When this process is asked to stop, it returns early; the caller then throws the detections away.

    Raises:
        CodoError: An image cannot be read.
    """
    # The layout of training: another one rounds otherwise, and a run is to score what its log says.
    detector.eval().to(memory_format=torch.channels_last)
    loader = build_loader(
        EvaluationDataset(annotations, short_side=short_side, max_size=max_size),
        range(context.rank, len(annotations), context.world),
        workers=workers,
        device=context.device,
    )
    found: dict[int, list[dict[str, Any]]] = {}
    for item in loader:
        if stop is not None and stop.number:
            break
        if isinstance(item, CodoError):
            raise item
        i, image = item
        height, width = (int(side) for side in annotations.sizes[i])
        detected = detector.detect([image.to(context.device, non_blocking=True)], [(height, width)])
        found[i] = to_results(annotations, i, detected[0], ids)
    if context.world > 1:
        shares: list[Any] = [None] * context.world
        dist.all_gather_object(shares, found)
        found = {i: results for share in shares for i, results in share.items()}
    return [result for i in sorted(found) for result in found[i]]


def score(
    annotations: Annotations, results: Sequence[dict[str, Any]], kinds: Sequence[Kind], backend: Backend = "hotcoco"
) -> dict[Kind, Scores]:
    """COCO's twelve numbers, and AP by class, for each kind of outline."""
    truth = annotations.to_coco()
    return {kind: coco_metrics(truth, results, kind, backend) for kind in kinds}
