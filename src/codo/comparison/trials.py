"""A trial of a comparison: one finetuning and its result file.

::

    OUT/trials/INIT/fraction-F/seed-S/               an ordinary run of codo finetune
    OUT/trials/INIT/fraction-F/seed-S/result.json    written last: a trial that has it is finished

``result.json`` is ``{"numbers": {"bbox": {"AP": 0.41, …}, …}, "classes": {"bbox": {"cat": 0.5, …}, …}, "resampled":
{"bbox": {"AP": [0.40, …], …}, …}}``: the numbers that `codo.evaluate` returns, the AP of every class with objects, and
AP, AP50 and AP75 on each resample of the evaluation images. Files written before lack ``classes``, which are then read
from the run's log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np

from codo.annotations.source import DataSettings, read_annotations
from codo.core.config import nest, resolve
from codo.core.io import write_atomically
from codo.core.numbers import share
from codo.core.run import Run
from codo.detection.finetune import finetune
from codo.detection.finetune_settings import FinetuneSettings
from codo.detection.validation import MAIN
from codo.evaluation.detections import Kind
from codo.evaluation.load_detections import RESULTS, join_results
from codo.evaluation.resampling import image_weights, resampled_ap
from codo.evaluation.run_metrics import Metrics
from codo.evaluation.statistics import Floats

RESULT = "result.json"

Numbers = dict[str, dict[str, float]]
"""What `codo.evaluate` returns: ``{"bbox": {"AP": …, …}, …}``."""

Key = tuple[str, float, int]
"""Identifies a trial: initialization, fraction, seed."""


@dataclass(frozen=True)
class Result:
    """The result of a finished trial.

    Attributes:
        numbers: What `codo.evaluate` returns.
        resampled: Kind -> number -> its value on each resample of the evaluation images, ``(B,)``.
        classes: Kind -> class -> its AP, for classes with objects.
    """

    numbers: Numbers
    resampled: Mapping[str, Mapping[str, Floats]]
    classes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """One finetuning.

    Attributes:
        init: Name of the initialization.
        fraction: Fraction of the labeled images.
        seed: Seed of the finetuning.
        images: Number of labeled training images.
        settings: All settings, resolved as in the run's ``config.yaml``.
    """

    init: str
    fraction: float
    seed: int
    images: int
    settings: FinetuneSettings
    verb = "finetune"

    @property
    def path(self) -> Path:
        """The run directory."""
        return Path(self.settings.out)

    @property
    def key(self) -> Key:
        """See `Key`."""
        return self.init, self.fraction, self.seed

    def __str__(self) -> str:
        """Name for messages."""
        return f"{self.init}, {share(self.fraction)} of the labels, seed {self.seed}"

    def result(self) -> Result | None:
        """Its result; ``None`` if it is not finished."""
        file = self.path / RESULT
        if not file.is_file():
            return None
        read = json.loads(file.read_text(encoding="utf-8"))
        resampled = {kind: {name: np.array(v) for name, v in of.items()} for kind, of in read["resampled"].items()}
        classes = read["classes"] if "classes" in read else classes_of(Run(self.path), self.settings.early_stop)
        return Result(read["numbers"], resampled, classes)


def run_trial(settings: FinetuneSettings) -> None:
    """Run or resume a trial.

    Raises:
        InputError, CodoError: As `codo.finetune`.
        Interrupted, Preempted: Stopped, with a checkpoint.
    """
    run = finetune(None, **nest(settings.model_dump()))
    numbers, kinds = numbers_of(run), get_args(Kind)
    resampled = resampled_of(run, [kind for kind in kinds if kind in numbers])
    classes = classes_of(run, settings.early_stop)
    content = {"numbers": numbers, "classes": classes, "resampled": resampled}
    write_atomically(run.path / RESULT, json.dumps(content) + "\n")


def numbers_of(run: Run) -> Numbers:
    """What `codo.evaluate` returns for a finished run, from its log."""
    found: Numbers = {}
    for key, value in _evaluation(run, run.config.get("early_stop")).items():
        parts = key.split("/")
        if parts[0] == "ap" and len(parts) == 3:  # four and more: the AP of a class
            found.setdefault(parts[1], {})[parts[2]] = value
    return found


def classes_of(run: Run, early_stop: int | None) -> Numbers:
    """Kind -> class -> AP of a finished run, from its log; empty if the log is gone."""
    found: Numbers = {}
    for key, value in _evaluation(run, early_stop).items():
        parts = key.split("/", 3)  # the name of a class may contain slashes
        if parts[0] == "ap" and len(parts) == 4 and parts[2] == "class":
            found.setdefault(parts[1], {})[parts[3]] = value
    return found


def _evaluation(run: Run, early_stop: int | None) -> Mapping[str, Any]:
    """The logged evaluation of the detector that a run keeps: the last one, with ``early_stop`` the best one."""
    rows = [row for row in Metrics(run.metrics()).kept(early_stop).rows if row.get(MAIN) is not None]
    return rows[-1] if rows else {}


def resampled_of(run: Run, kinds: list[Kind]) -> dict[str, dict[str, list[float]]]:
    """AP on each resample of the evaluation images, from the detections of a finished run."""
    annotations = read_annotations(resolve(DataSettings, None, run.config["data"]), "val")
    weights = image_weights(len(annotations))
    found = {kind: resampled_ap(join_results(run.path / RESULTS, annotations, kind), weights) for kind in kinds}
    return {kind: {name: values.round(6).tolist() for name, values in of.items()} for kind, of in found.items()}
