"""Run a detector on a data set, and score its detections.

Images are processed one by one and in float32: with padding to larger images, and with bfloat16 scores, the result
would depend on the batch size and on the number of processes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist

from codo.annotations.records import Annotations
from codo.core.errors import CodoError
from codo.core.signals import STOPPED, StopSignal, until_stopped
from codo.detection.dataset import EvaluationDataset
from codo.detection.detector import Detector
from codo.detection.results import to_results
from codo.evaluation.coco_metrics import Backend, Kind, Scores, coco_metrics
from codo.loading.loader import build_loader
from codo.training.distributed import DistributedContext, local_world_size


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
    warn: Callable[[str], None] = lambda message: None,
) -> list[dict[str, Any]]:
    """Detections on all images, as COCO results in the order of the images; the same on every rank.

    Args:
        detector: On the device of ``context``; put into evaluation mode, channels last.
        annotations: Annotations with images.
        ids: Category id of every label, from label 1.
        short_side: Short side in pixels to which images are resized.
        max_size: Maximum long side in pixels.
        workers: Loader processes.
        context: Rank, world size and device of this process.
        stop: If this process receives a stop signal, returns early; the caller must then discard the detections.
        warn: Called with a warning when shared memory is too small.

    Raises:
        CodoError: An image cannot be read.
    """
    # channels_last as in training: another layout rounds differently, and `codo evaluate` must repeat the run's scores.
    detector.eval().to(memory_format=torch.channels_last)
    loader = build_loader(
        EvaluationDataset(annotations, short_side=short_side, max_size=max_size),
        range(context.rank, len(annotations), context.world),
        workers=workers,
        device=context.device,
        ranks=local_world_size(),
        warn=warn,
    )
    results: dict[int, list[dict[str, Any]]] = {}
    for item in until_stopped(loader, stop):
        if item is STOPPED:
            break
        if isinstance(item, CodoError):
            raise item
        i, image = item
        height, width = (int(side) for side in annotations.sizes[i])
        detected = detector.detect([image.to(context.device, non_blocking=True)], [(height, width)])
        results[i] = to_results(annotations, i, detected[0], ids)
    if context.world > 1:
        gathered: list[Any] = [None] * context.world
        dist.all_gather_object(gathered, results)
        results = {i: detections for part in gathered for i, detections in part.items()}
    return [result for i in sorted(results) for result in results[i]]


def score(
    annotations: Annotations, results: Sequence[dict[str, Any]], kinds: Sequence[Kind], backend: Backend = "hotcoco"
) -> dict[Kind, Scores]:
    """The twelve COCO metrics, and AP by class, for boxes, masks, or both."""
    truth = annotations.to_coco()
    return {kind: coco_metrics(truth, results, kind, backend) for kind in kinds}
