"""Loading of a detector's initial weights (``weights=``).

Only the trunk is loaded: backbone and, if the source has them, FPN and box head. RPN, predictors and mask head start
random, because the classes differ. Files may have the tensor names of any library in `codo.models.key_maps`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import nn

from codo.core.errors import InputError
from codo.core.run import is_run, open_run
from codo.detection.detector import Detector
from codo.detection.detector_io import SavedDetector
from codo.detection.finetune_settings import FinetuneSettings
from codo.methods.registry import find_method
from codo.models.encoder import ModelSettings
from codo.models.load_report import LoadReport
from codo.models.pixel_rules import recorded_pixels
from codo.models.pretrained import recorded_model
from codo.models.weight_files import in_folder, read_tensors
from codo.models.weights import TRUNK, initialize, load
from codo.training.freezing import PretrainModelSettings
from codo.training.load_run import load_method

PRETRAINING_ONLY = ("embedding_dim", "init")
"""Settings of the trunk that detectors do not use."""

OWN = (*PRETRAINING_ONLY, "mean", "std", "pixels")
"""Settings in which the initializations of one comparison may differ: each has its own normalization, data are read
alike."""


def architecture(weights: str, model: ModelSettings, requested: Mapping[str, Any]) -> ModelSettings:
    """The architecture of the trunk: as recorded in ``weights`` (a run, or a file exported by CoDo), else ``model``.

    Args:
        weights: See `load_weights`.
        model: The architecture by recipe and command.
        requested: The settings of the command alone; those of a recipe are overridden by the weights.

    Raises:
        InputError: The command specifies another architecture than the weights have.
    """
    recorded = _recorded(weights)
    if recorded is None:
        return model
    # What was trained before mean and std were recorded had ImageNet's.
    recorded = recorded.model_copy(update={"mean": recorded.normalization.mean, "std": recorded.normalization.std})
    names = recorded_names(weights)
    # Pixels are no architecture: `read_as_pretrained` lets ``data.*`` decide them, also where a trial has all settings.
    for name in sorted(requested.keys() & names - {*PRETRAINING_ONLY, "pixels"}):
        wanted, trained = getattr(model, name), getattr(recorded, name)
        if wanted != trained:
            raise InputError(
                f"model.{name}={wanted}, but the weights were trained with {trained}",
                where=f"weights={weights}",
                fix=f"leave model.{name} out, or set model.{name}={trained}",
            )
    return model.model_copy(update={name: getattr(recorded, name) for name in names} | {"init": "none"})


def resumed_architecture(
    weights: str, out: str, model: ModelSettings, requested: Mapping[str, Any]
) -> ModelSettings | None:
    """The architecture of the run in ``out``, which is resumed as it was begun, and without its weights if need be.

    ``None`` if no run is there that started from these weights, or if the command specifies another architecture.
    """
    if weights in ("none", "imagenet") or not is_run(out) or open_run(out).config.get("weights") != weights:
        return None
    recorded = ModelSettings.model_validate(open_run(out).config["model"])
    return None if any(getattr(model, name) != getattr(recorded, name) for name in requested) else recorded


def read_as_pretrained(settings: FinetuneSettings) -> tuple[FinetuneSettings, str]:
    """Let labeled images become colors as those of pretraining did, where ``data.*`` leaves it open.

    Args:
        settings: With the ``model.pixels`` of the weights.

    Returns:
        The settings with the same rules in ``data`` and ``model.pixels``, as a resumed run recorded them; and a warning
        if the rules of ``data`` are not those of pretraining, else an empty string.
    """
    own = settings.model.pixels
    data = settings.data.filled_from(recorded_pixels(settings.out, own))
    pixels = recorded_pixels(settings.out, data.pixel_settings)
    model = settings.model.model_copy(update={"pixels": pixels})
    if own is None or data.pixel_rules == own.pixel_rules:
        warning = ""
    else:
        warning = f"labeled images become colors by {data.pixel_rules}, those of pretraining by {own.pixel_rules}"
    return settings.model_copy(update={"data": data, "model": model}), warning


def recorded_names(weights: str) -> set[str]:
    """The settings of the trunk fixed by the weights: all, or only the backbone's if they have nothing else."""
    if is_run(weights):
        method = open_run(weights).config.get("method")
        alone = method is not None and find_method(method).parts == ("backbone",)
    else:
        with safe_open(in_folder(Path(weights)), framework="pt") as file:
            alone = not any("fpn." in name or "box_head." in name for name in file.keys())  # noqa: SIM118 - not a dictionary
    if alone:
        return {"backbone", "width", "mean", "std", "pixels"}
    return set(ModelSettings.model_fields) - {"init"}


def _recorded(weights: str) -> ModelSettings | None:
    """The settings recorded with the weights, in a run or in the header of a file exported by CoDo."""
    if is_run(weights):
        return PretrainModelSettings.model_validate(open_run(weights).config["model"]).architecture()
    return recorded_model(Path(weights))


def load_weights(
    detector: Detector,
    weights: str,
    model: ModelSettings,
    warn: Callable[[str], None] | None = None,
    parts: Collection[str] | None = None,
) -> LoadReport | None:
    """Load the trunk of ``weights`` into the detector.

    Args:
        detector: Changed in place.
        weights: ``none``, ``imagenet``, a run, or a file.
        model: Architecture of the trunk.
        warn: Called with a message for every damaged checkpoint of a run that is skipped; by default it is logged to
            standard error.
        parts: Components of the trunk to load, the others stay random; ``None``: all that the weights have.

    Returns:
        Which tensors matched; ``None`` for ``none``.

    Raises:
        InputError: The weights are not available or lack one of ``parts``; the backbone does not match completely; or
            FPN or box head match only in part.
    """
    trunk = nn.ModuleDict(detector.exports())
    if weights == "none":
        return None
    where = f"weights={weights}"
    if weights == "imagenet":
        try:
            return initialize(trunk, "imagenet", model.backbone, parts)
        except InputError as error:
            where = f"parts=[{','.join(parts)}], {where}" if parts and "parts=" in error.where else where
            raise InputError(error.what, where=where, fix=error.fix.replace("model.init", "weights")) from error
    if is_run(weights):
        run = open_run(weights)
        finetuned = run.verb == "finetune"
        method = SavedDetector.load(run.path, warn).detector if finetuned else load_method(run, warn)[0]
        report = load(trunk, nn.ModuleDict(method.exports()).state_dict(), where=where, parts=parts)
        taken = [part for part in TRUNK if part in method.exports() and (parts is None or part in parts)]
        report.require(
            taken, where=where, fix="leave the model.* settings out, to use those of the run", error=InputError
        )
        return report
    return load(trunk, read_tensors(Path(weights)), where=where, parts=parts)
