"""``codo evaluate``: COCO's twelve numbers of a finetuned detector, or of the detections of any other.

The first argument is a run of ``codo finetune``, the detector file that such a run exports, or a COCO result file.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from codo.annotations.coco.results import outlines, read_results
from codo.annotations.records import Annotations
from codo.annotations.source import DataSettings, Split, read_annotations
from codo.core.config import Settings, merge, nest, resolve
from codo.core.errors import InputError
from codo.core.run import Run
from codo.detection.detector_io import SavedDetector
from codo.detection.predict import predict, score
from codo.detection.results import write_results
from codo.evaluation.coco_metrics import Backend, Kind
from codo.evaluation.leaks import leak_warning
from codo.evaluation.voc_metrics import voc_scores
from codo.training.distributed import DistributedContext, join_processes, loader_workers

log = logging.getLogger(__name__)


class EvaluateSettings(Settings):
    """How to evaluate."""

    data: DataSettings | None = Field(
        None, description="labeled images: a folder, or data.val=FILE data.images=DIR; null: those of the run"
    )
    split: Split = Field("val", description="which part of the data to evaluate on")
    masks: Literal["auto"] | bool = Field(
        "auto", description="whether masks are scored too; auto: when both the detections and the data have them"
    )
    short_side: int | None = Field(None, ge=32, description="short side that images are shown at; null: as in the run")
    max_size: int | None = Field(None, ge=32, description="largest long side; null: as in the run")
    backend: Backend = Field("hotcoco", description="what computes COCO AP; pycocotools is the reference")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N")
    workers: int | None = Field(None, ge=0, description="loader processes; null: one a core, at most 16")
    out: str | None = Field(None, description="file to write the detections to, in COCO's result format")


def evaluate(source: Run | str | Path, data: Any = None, **overrides: Any) -> dict[str, dict[str, float]]:
    """Score detections by COCO's twelve numbers.

    Args:
        source: A run of `finetune`, a detector file from its ``exports/``, or a COCO result file (``.json``).
        data: A folder with annotations and images, or what `DataSettings` describes; the run's own when left out.
        **overrides: Further settings, see `EvaluateSettings`.

    Returns:
        ``{"bbox": {"AP": …, "AP50": …, …}, "segm": {…}}``, names as in `codo.evaluation.coco_metrics.NAMES`; values
        from 0 to 1, or -1 where the data have no such object. ``segm`` is there when there are masks, ``voc`` when the
        data are in VOC's format: VOC's own numbers, see `codo.evaluation.voc_metrics.voc_metrics`.

    Raises:
        InputError: Bad settings, annotations or detections; a run that is not of ``finetune``.
        CodoError: An image or checkpoint cannot be read.

    Example:
        >>> import codo
        >>> scores = codo.evaluate("runs/detector")
        >>> list(scores["bbox"])[:3]
        ['AP', 'AP50', 'AP75']
    """
    values = nest(overrides)
    if data is not None:
        values = merge(values, {"data": data if isinstance(data, dict) else str(data)})
    settings = resolve(EvaluateSettings, None, values)
    path = source.path if isinstance(source, Run) else Path(source)
    with join_processes(settings.device) as context:
        if path.suffix == ".json" and not path.is_dir():
            return _evaluate_results(path, settings, context)
        return _evaluate_detector(SavedDetector.load(path), path, settings, context)


def _evaluate_results(
    path: Path, settings: EvaluateSettings, context: DistributedContext
) -> dict[str, dict[str, float]]:
    if settings.data is None:
        raise InputError(
            "data= is missing", where="codo evaluate", fix="add data=FOLDER, the ground truth of the detections"
        )
    if settings.out is not None:
        raise InputError("these detections are in a file already", where=str(path), fix="leave out= out")
    annotations = _read(settings.data, settings.split, context, images=False)
    results = read_results(path, annotations)
    found = outlines(results)
    kinds: list[Kind] = ["bbox"] if "bbox" in found else []
    if wants_masks(settings.masks, annotations, "segmentation" in found, where=str(path)):
        kinds.append("segm")
    if not kinds:
        raise InputError("the detections are masks, the data are boxes only", where=str(path), fix="give other data")
    return numbers(annotations, results, kinds, settings.backend)


def _evaluate_detector(
    saved: SavedDetector, path: Path, settings: EvaluateSettings, context: DistributedContext
) -> dict[str, dict[str, float]]:
    data = settings.data or saved.data
    if data is None:
        raise InputError("data= is missing", where="codo evaluate", fix="add data=FOLDER")
    if settings.out is not None:
        check_place(Path(settings.out))
    annotations = _read(data, settings.split, context)
    saved.card.check_categories(annotations, where="the detector")
    kinds: list[Kind] = ["bbox"]
    if wants_masks(settings.masks, annotations, saved.detector.masks, where=str(path)):
        kinds.append("segm")
    if context.main and (leak := leak_warning(annotations, str(path))):
        log.warning("WARNING %s", leak)
    results = predict(
        saved.detector.to(context.device),
        annotations,
        ids=saved.card.ids,
        short_side=settings.short_side or saved.card.short_side,
        max_size=settings.max_size or saved.card.max_size,
        workers=loader_workers(settings.workers),
        context=context,
    )
    if settings.out is not None and context.main:
        write_results(Path(settings.out), results)
    return numbers(annotations, results, kinds, settings.backend)


def check_place(path: Path) -> None:
    """Refuse a file that could not be written, before the work that it is to hold.

    Raises:
        InputError: It is a folder, or lies in one that does not exist or cannot be written to.
    """
    folder = path.absolute().parent
    if path.is_dir():
        raise InputError("out= is a folder", where=f"out={path}", fix="name a file, such as found.json")
    if not folder.is_dir():
        raise InputError("no folder to write the detections to", where=f"out={path}", fix="create it first")
    if not os.access(folder, os.W_OK):
        raise InputError("no files may be written to the folder", where=f"out={path}", fix="name another file")


def numbers(
    annotations: Annotations, results: Sequence[dict[str, Any]], kinds: Sequence[Kind], backend: Backend
) -> dict[str, dict[str, float]]:
    """What `evaluate` returns for some detections."""
    found: dict[str, dict[str, float]] = {
        kind: scores.numbers for kind, scores in score(annotations, results, kinds, backend).items()
    }
    voc = voc_scores(annotations, results) if "bbox" in kinds else {}
    return found | ({"voc": voc} if voc else {})


def _read(data: DataSettings, split: Split, context: DistributedContext, *, images: bool = True) -> Annotations:
    annotations = read_annotations(data, split, images=images)
    for warning in annotations.warnings if context.main else ():
        log.warning("WARNING %s", warning)
    return annotations


def wants_masks(wish: Literal["auto"] | bool, annotations: Annotations, possible: bool, *, where: str) -> bool:
    """Whether masks take part.

    Args:
        wish: The setting ``masks``.
        annotations: The data.
        possible: Whether the other side (detections, detector) has masks.
        where: That other side, for messages.

    Raises:
        InputError: Masks are demanded and missing, or only some objects have one.
    """
    if wish is False or (wish == "auto" and not possible):
        return False
    if not possible:
        raise InputError("there are no masks", where=where, fix="set masks=false")
    count = len(annotations.segmentations)
    without = int((~annotations.segmentations.present).sum())
    if not without and (count or wish is True):
        return True
    if wish == "auto" and without == count:
        return False
    row = int(np.argmin(annotations.segmentations.present))
    raise InputError(
        f"{without} of {count} annotations have an empty segmentation; "
        f"the first: annotation {annotations.object_ids[row]} of {annotations.name_of(row)}",
        where=str(annotations.source),
        fix="outline every object, or set masks=false",
    )
