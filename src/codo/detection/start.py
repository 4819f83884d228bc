"""The weights that a detector starts from (``weights=``).

Only the trunk is taken: backbone and, where the source has them, pyramid and box head. RPN, predictors and mask head
are new, because the classes are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from codo.detection.detector import Detector
from codo.detection.saved import SavedDetector
from codo.errors import InputError
from codo.models.encoder import ModelSettings
from codo.models.load_report import LoadReport
from codo.models.weights import initialise, load, read_tensors
from codo.run import is_run, open_run
from codo.training.pretrain import load_method

TRUNK = ("backbone", "fpn", "box_head")
FREE = ("dim", "init")
"""Settings of the trunk that a detector does not have."""


def architecture(weights: str, model: ModelSettings, demanded: Mapping[str, Any]) -> ModelSettings:
    """The trunk to build: that of the run which ``weights`` names, if it does, else ``model``.

    Args:
        weights: See `load_weights`.
        model: The trunk by recipe and command.
        demanded: What the command alone says of it; a recipe's trunk gives way to that of the run.

    Raises:
        InputError: The command demands another trunk than that of the run.
    """
    if not is_run(weights):
        return model
    run = open_run(weights)
    theirs = ModelSettings.model_validate(run.config["model"])
    for name in sorted(demanded.keys() - set(FREE)):
        ours, trained = getattr(model, name), getattr(theirs, name)
        if ours != trained:
            raise InputError(
                f"model.{name}={ours}, but the weights were trained with {trained}",
                where=f"weights={weights}",
                fix=f"leave model.{name} out, or set model.{name}={trained}",
            )
    return theirs.model_copy(update={"init": "none"})


def load_weights(detector: Detector, weights: str, model: ModelSettings) -> LoadReport | None:
    """Copy the trunk of ``weights`` into the detector.

    Args:
        detector: Changed in place.
        weights: ``none``, ``imagenet``, a run, or a file.
        model: The trunk's settings.

    Returns:
        What matched, or ``None`` for ``none``.

    Raises:
        InputError: The weights cannot be had; the backbone does not match wholly; pyramid or box head match in part.
    """
    trunk = nn.ModuleDict(detector.exports())
    if weights == "none":
        return None
    where = f"weights={weights}"
    if weights == "imagenet":
        try:
            return initialise(trunk, "imagenet", model.backbone)
        except InputError as error:
            raise InputError(error.what, where=where, fix=error.fix.replace("model.init", "weights")) from error
    fix = "set model.backbone, model.width, model.head, … to those that the weights were trained with"
    if is_run(weights):
        run = open_run(weights)
        method = SavedDetector.load(Path(weights)).detector if run.verb == "finetune" else load_method(run)[0]
        source = nn.ModuleDict(method.exports()).state_dict()
        report = load(trunk, source, where=where)
        report.require([part for part in TRUNK if part in method.exports()], where=where, fix=fix, error=InputError)
        return report
    report = load(trunk, read_tensors(Path(weights)), where=where)
    # A part that the file lacks altogether stays random, as the report says; one that fits in part is a mistake.
    counts = report.counts()
    there = [part for part in TRUNK if part in counts and (counts[part][0] or counts[part][3])]
    report.require(there, where=where, fix=fix, error=InputError)
    return report
