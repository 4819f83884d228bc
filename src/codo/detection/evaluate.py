"""``codo evaluate``: the twelve COCO metrics of a finetuned detector, or of a file of detections.

The source is a run of ``codo finetune``, the detector file that such a run exports, or a COCO result file.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from codo.annotations.coco.results import outlines, read_results
from codo.annotations.records import Annotations
from codo.annotations.source import DataSettings, Split, read_annotations
from codo.core.config import Settings, merge, nest, resolve
from codo.core.errors import InputError
from codo.core.rank_watch import DistributedSettings
from codo.core.run import Run
from codo.detection.compared_files import compare_files
from codo.detection.detector_io import SavedDetector
from codo.detection.predict import predict, score
from codo.detection.results import write_results
from codo.duplicates.near import DEFAULT_LIMIT
from codo.evaluation.coco_metrics import Backend, Kind
from codo.evaluation.leaks import leak_warning
from codo.evaluation.result_conventions import check_results
from codo.evaluation.truth_checks import truth_warnings
from codo.evaluation.voc_metrics import voc_scores
from codo.training.distributed import DistributedContext, join_processes, loader_workers

log = logging.getLogger(__name__)


class EvaluateSettings(Settings):
    """The settings of ``codo evaluate``."""

    data: DataSettings | None = Field(
        None, description="labeled images: a folder, or data.val=FILE data.images=DIR; null: those of the run"
    )
    split: Split = Field("val", description="split of the data to evaluate on")
    masks: Literal["auto"] | bool = Field(
        "auto", description="whether to score masks too; auto: if both the detections and the data have masks"
    )
    short_side: int | None = Field(
        None, ge=32, description="short side in pixels to which images are resized; null: as in the run"
    )
    max_size: int | None = Field(None, ge=32, description="maximum long side in pixels; null: as in the run")
    near_duplicates: int = Field(
        DEFAULT_LIMIT,
        ge=0,
        description="largest pretraining pool, in images, in which resized and re-encoded copies of the images are "
        "looked for, for a warning; 0: only equal files",
    )
    backend: Backend = Field("hotcoco", description="library that computes COCO AP; pycocotools is the reference")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N")
    workers: int | None = Field(None, ge=0, description="loader processes; null: one per core, at most 16")
    out: str | None = Field(None, description="file to write the detections to, in COCO's result format")
    against: str | None = Field(
        None, description="COCO result file to compare a result file with; '*' in both names stands for the seed"
    )
    distributed: DistributedSettings = DistributedSettings()


def evaluate(source: Run | str | Path, data: Any = None, **overrides: Any) -> dict[str, dict[str, float]]:
    """Compute the twelve COCO metrics.

    Args:
        source: A run of `finetune`, a detector file from its ``exports/``, or a COCO result file (``.json``).
        data: A folder with annotations and images, or settings of `DataSettings`; by default the data of the run.
        **overrides: Further settings, see `EvaluateSettings`.

    Returns:
        ``{"bbox": {"AP": …, "AP50": …, …}, "segm": {…}}``, names as in `codo.evaluation.coco_metrics.NAMES`; values
        from 0 to 1, or -1 if the data have no such object. ``segm`` exists if there are masks, ``voc`` if the data are
        in VOC's format: VOC's metrics, see `codo.evaluation.voc_metrics.voc_metrics`. With ``against=`` means and
        differences of two result files or of their seeds, see `codo.detection.compared_files.compare_files`.

    Raises:
        InputError: Invalid settings, annotations or detections; a run of another verb than ``finetune``.
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
    with join_processes(settings.device, settings.distributed.timeout) as context:
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
    for name in ("out", "short_side", "max_size"):
        if getattr(settings, name) is not None:
            what = f"{name}= applies to detectors only, not to a result file"
            raise InputError(what, where=str(path), fix=f"leave {name}= out")
    if settings.against is None and "*" in path.name:
        fix = "name one file, or add against=FILES, to compare the two by seed"
        raise InputError("several result files", where=str(path), fix=fix)
    annotations = _read(settings.data, settings.split, context, images=False)
    if settings.against is None:
        return numbers(annotations, *_read_results(path, annotations, settings), settings.backend)
    found, told = compare_files(
        path,
        Path(settings.against),
        annotations,
        lambda file: _read_results(file, annotations, settings),
        lambda results, kinds: numbers(annotations, results, kinds, settings.backend),
    )
    for line in told if context.main else ():
        log.info(line)
    return found


def _read_results(
    path: Path, annotations: Annotations, settings: EvaluateSettings
) -> tuple[list[dict[str, Any]], list[Kind]]:
    """The detections of a file, and which of their boxes and masks are scored."""
    results = read_results(path, annotations)
    check_results(str(path), annotations, results)
    found = outlines(results)
    kinds: list[Kind] = ["bbox"] if "bbox" in found else []
    if resolve_masks(settings.masks, annotations, "segmentation" in found, where=str(path)):
        kinds.append("segm")
    if not kinds:
        what, fix = "the detections are masks, but the data have no masks", "give data with masks"
        if settings.masks is False:
            what, fix = "the detections are masks alone, and masks=false leaves nothing to score", "leave masks= out"
        raise InputError(what, where=str(path), fix=fix)
    return results, kinds


def _evaluate_detector(
    saved: SavedDetector, path: Path, settings: EvaluateSettings, context: DistributedContext
) -> dict[str, dict[str, float]]:
    data = settings.data or saved.data
    if data is None:
        raise InputError("data= is missing", where="codo evaluate", fix="add data=FOLDER")
    if settings.against is not None:
        fix = "write the detections of both with out=, then compare the two files"
        raise InputError("against= compares result files, and this is a detector", where=str(path), fix=fix)
    data = data.filled_from(saved.card.model.pixels)
    if settings.out is not None:
        check_writable(Path(settings.out))
    annotations = _read(data, settings.split, context)
    saved.card.check_categories(annotations, where="the detector")
    kinds: list[Kind] = ["bbox"]
    if resolve_masks(settings.masks, annotations, saved.detector.masks, where=str(path)):
        kinds.append("segm")
    if context.main and (leak := leak_warning(annotations, str(path), settings.near_duplicates)):
        log.warning("WARNING %s", leak)
    results = predict(
        saved.detector.to(context.device),
        annotations,
        ids=saved.card.ids,
        short_side=settings.short_side or saved.card.short_side,
        max_size=settings.max_size or saved.card.max_size,
        workers=loader_workers(settings.workers),
        context=context,
        warn=partial(log.log, logging.WARNING if context.main else logging.DEBUG, "WARNING %s"),
    )
    if settings.out is not None and context.main:
        write_results(Path(settings.out), results, annotations.aliases)
    return numbers(annotations, results, kinds, settings.backend)


def check_writable(path: Path) -> None:
    """Check that a result file can be written, before the detector runs.

    Raises:
        InputError: ``path`` is a folder, or its folder does not exist or is not writable.
    """
    folder = path.absolute().parent
    if path.is_dir():
        raise InputError("out= is a folder", where=f"out={path}", fix="name a file, such as found.json")
    if not folder.is_dir():
        raise InputError("the folder of out= does not exist", where=f"out={path}", fix="create it first")
    if not os.access(folder, os.W_OK):
        raise InputError("the folder of out= is not writable", where=f"out={path}", fix="name another file")


def numbers(
    annotations: Annotations, results: Sequence[dict[str, Any]], kinds: Sequence[Kind], backend: Backend
) -> dict[str, dict[str, float]]:
    """The metrics of some detections, in the form of `evaluate`."""
    coco: dict[str, dict[str, float]] = {
        kind: scores.numbers for kind, scores in score(annotations, results, kinds, backend).items()
    }
    voc = voc_scores(annotations, results) if "bbox" in kinds else {}
    return coco | ({"voc": voc} if voc else {})


def _read(data: DataSettings, split: Split, context: DistributedContext, *, images: bool = True) -> Annotations:
    annotations = read_annotations(data, split, images=images)
    for warning in annotations.warnings if context.main else ():
        log.warning("WARNING %s", warning)
    for warning in truth_warnings(annotations) if context.main else ():
        log.warning("WARNING %s", warning)
    for note in annotations.notes if context.main else ():
        log.info(note)
    return annotations


def resolve_masks(masks: Literal["auto"] | bool, annotations: Annotations, possible: bool, *, where: str) -> bool:
    """Resolve the setting ``masks``: whether masks are used.

    Args:
        masks: The setting.
        annotations: The data.
        possible: Whether the detections or the detector have masks.
        where: The detections or detector, for messages.

    Raises:
        InputError: Masks are requested but missing, or only some objects have one.
    """
    if masks is False or (masks == "auto" and not possible):
        return False
    if not possible:
        raise InputError("there are no masks", where=where, fix="set masks=false")
    count = len(annotations.segmentations)
    without = int((~annotations.segmentations.present).sum())
    if not without and (count or masks is True):
        return True
    if masks == "auto" and without == count:
        return False
    row = int(np.argmin(annotations.segmentations.present))
    raise InputError(
        f"{without} of {count} annotations have an empty segmentation; "
        f"the first: annotation {annotations.object_ids[row]} of {annotations.name_of(row)}",
        where=str(annotations.source),
        fix="add a segmentation to every object, or set masks=false",
    )
