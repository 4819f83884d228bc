"""The weights that a detector starts from (``weights=``).

Only the trunk is taken: backbone and, where the source has them, pyramid and box head. RPN, predictors and mask head
are new, because the classes are. Files may have the names of any library in `codo.models.key_maps`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from codo.core.errors import InputError
from codo.core.run import is_run, open_run
from codo.detection.detector import Detector
from codo.detection.detector_io import SavedDetector
from codo.methods.registry import find_method
from codo.models.encoder import ModelSettings
from codo.models.load_report import LoadReport
from codo.models.pretrained import recorded_model
from codo.models.weight_files import read_tensors
from codo.models.weights import TRUNK, initialize, load
from codo.training.load_run import load_method

FREE = ("embedding_dim", "init")
"""Settings of the trunk that a detector does not have."""


def architecture(weights: str, model: ModelSettings, demanded: Mapping[str, Any]) -> ModelSettings:
    """The trunk to build: that which ``weights`` says it has (a run, or a file exported by CoDo), else ``model``.

    Args:
        weights: See `load_weights`.
        model: The trunk by recipe and command.
        demanded: What the command alone says of it; a recipe's trunk gives way to that of the run.

    Raises:
        InputError: The command demands another trunk than that of the weights.
    """
    theirs = _recorded(weights)
    if theirs is None:
        return model
    said = recorded_names(weights)
    for name in sorted(demanded.keys() & said - set(FREE)):
        ours, trained = getattr(model, name), getattr(theirs, name)
        if ours != trained:
            raise InputError(
                f"model.{name}={ours}, but the weights were trained with {trained}",
                where=f"weights={weights}",
                fix=f"leave model.{name} out, or set model.{name}={trained}",
            )
    return model.model_copy(update={name: getattr(theirs, name) for name in said} | {"init": "none"})


def recorded_names(weights: str) -> set[str]:
    """The settings of the trunk that weights decide: all, or those of the backbone where a run trained nothing else."""
    method = open_run(weights).config.get("method") if is_run(weights) else None
    if method is not None and find_method(method).parts == ("backbone",):
        return {"backbone", "width"}
    return set(ModelSettings.model_fields) - {"init"}


def _recorded(weights: str) -> ModelSettings | None:
    """The trunk's settings where the weights bring them: in a run, or in the header of one of our exports."""
    if is_run(weights):
        return ModelSettings.model_validate(open_run(weights).config["model"])
    return recorded_model(Path(weights))


def load_weights(
    detector: Detector, weights: str, model: ModelSettings, warn: Callable[[str], None] | None = None
) -> LoadReport | None:
    """Copy the trunk of ``weights`` into the detector.

    Args:
        detector: Changed in place.
        weights: ``none``, ``imagenet``, a run, or a file.
        model: The trunk's settings.
        warn: Told of damaged checkpoints of a run that are passed over; by default the user, on standard error.

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
            return initialize(trunk, "imagenet", model.backbone)
        except InputError as error:
            raise InputError(error.what, where=where, fix=error.fix.replace("model.init", "weights")) from error
    if is_run(weights):
        run = open_run(weights)
        finetuned = run.verb == "finetune"
        method = SavedDetector.load(run.path, warn).detector if finetuned else load_method(run, warn)[0]
        report = load(trunk, nn.ModuleDict(method.exports()).state_dict(), where=where)
        there = [part for part in TRUNK if part in method.exports()]
        report.require(there, where=where, fix="leave the model.* settings to those of the run", error=InputError)
        return report
    return load(trunk, read_tensors(Path(weights)), where=where)
