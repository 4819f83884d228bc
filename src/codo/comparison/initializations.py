"""Initial weights of the trials: loaded and checked once, identified by a hash of their tensors.

All trials of an initialization must start from the same weights, also when a comparison is resumed later. So a run that
is still being trained is refused, and the hash of every source is recorded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from codo.comparison.compare_settings import CompareSettings
from codo.comparison.trials import Trial
from codo.core.errors import InputError, nearest
from codo.core.run import Run, is_run
from codo.detection.detector import Detector
from codo.detection.finetune import resolve_norm
from codo.detection.load_pretrained import OWN, architecture, load_weights, recorded_names
from codo.detection.task import Task
from codo.models.encoder import ModelSettings
from codo.models.weights import TRUNK
from codo.training.distributed import DistributedContext, choose_device


@dataclass(frozen=True)
class Initialization:
    """The weights of an initialization.

    Attributes:
        parts: Components of the trunk that are initialized: ``backbone``, ``fpn``, ``box_head``; the rest is random.
        weights: Source -> SHA-256 of the tensors taken from it; with ``{seed}`` one source for each seed.
    """

    parts: tuple[str, ...]
    weights: Mapping[str, str]

    def as_record(self) -> dict[str, Any]:
        """It as plain values, for ``comparison.json``."""
        return {"parts": list(self.parts), "weights": dict(self.weights)}

    @property
    def shared(self) -> bool:
        """Whether all seeds start from the same file or run, rather than from random weights or one for each seed."""
        return len(self.weights) == 1 and any(self.weights.values())


@contextmanager
def naming_initialization(init: str) -> Iterator[None]:
    """Add the name of the initialization to errors."""
    try:
        yield
    except InputError as error:
        where = f"{error.where}, for {init} of inits=" if error.where else f"{init} of inits="
        raise InputError(error.what, where=where, fix=error.fix) from error


def common_trunk(
    settings: CompareSettings, model_overrides: Mapping[str, Any], planned: Mapping[str, tuple[str, Any]] | None = None
) -> ModelSettings:
    """The trunk of all trials: that recorded in the initializations, which must agree, else ``model``.

    Args:
        settings: What to compare.
        model_overrides: ``model`` settings given by the user, not by the recipe.
        planned: Setting -> the initialization that will be pretrained with a value, and the value.

    Raises:
        InputError: Two sources have different trunks, or one contradicts ``model_overrides``.
    """
    decided = dict(planned or {})
    for init in settings.inits:
        for source in dict.fromkeys(settings.source(init, seed) for seed in settings.seeds):
            with naming_initialization(init):
                recorded = architecture(source, settings.model, model_overrides)
            if recorded is settings.model:  # the source records no architecture
                continue
            names = recorded_names(source) - set(OWN)  # for image-level methods only the backbone's
            for name in sorted(names):
                first, value = decided.setdefault(name, (source, getattr(recorded, name)))
                if (other := getattr(recorded, name)) != value:
                    what = f"the trunks differ: model.{name} is {value} in {first}, {other} in {source}"
                    raise InputError(what, where="inits", fix="compare weights of one architecture")
    return settings.model.model_copy(update={name: value for name, (_, value) in decided.items()} | {"init": "none"})


def open_initialization(settings: CompareSettings, init: str, task: Task, trunk: ModelSettings) -> Initialization:
    """Load the weights of an initialization as its trials will.

    Raises:
        InputError: They cannot be loaded, do not fit, are still being trained, or fill different parts for each seed.
    """
    parts: tuple[str, ...] | None = None
    weights: dict[str, str] = {}
    for source in dict.fromkeys(settings.source(init, seed) for seed in settings.seeds):
        with naming_initialization(init):
            _check_not_training(source)
            filled, weights[source] = _load(task, source, architecture(source, trunk, {}), settings.parts_of(init))
        if parts is not None and filled != parts:
            what = f"the seeds fill different parts: {format_parts(parts)}, but {format_parts(filled)} from {source}"
            raise InputError(what, where=f"{init} of inits=", fix="give runs of one method")
        parts = filled
    return Initialization(parts or (), weights)


def check_unchanged(
    initializations: Mapping[str, Initialization], previous: Mapping[str, Initialization], started: Iterable[Trial]
) -> None:
    """Check that the weights are those from which trials have been started.

    Args:
        initializations: The current weights.
        previous: The weights recorded by the comparison before.
        started: Trials that have a run directory.

    Raises:
        InputError: Weights have changed.
    """
    for trial in started:
        source = trial.settings.weights
        recorded = previous[trial.init].weights.get(source) if trial.init in previous else None
        if recorded is not None and recorded != initializations[trial.init].weights[source]:
            what = f"the weights have changed since trials were started from them; the first: {trial}"
            fix = "choose another out=, another name for these weights, or restore the old ones"
            raise InputError(what, where=source, fix=fix)


def format_parts(parts: Iterable[str]) -> str:
    """Parts as text, such as ``backbone, FPN, box head``."""
    return ", ".join({"fpn": "FPN", "box_head": "box head"}.get(part, part) for part in parts) or "nothing"


def _check_not_training(source: str) -> None:
    if is_run(source) and Run(Path(source)).busy:
        fix = "wait until it has finished, or compare an export of it: codo export RUN --to safetensors"
        raise InputError("the run is still being trained, so its weights change", where=source, fix=fix)


def _load(task: Task, source: str, model: ModelSettings, taken: tuple[str, ...] | None) -> tuple[tuple[str, ...], str]:
    """The parts that a source fills, and the hash of the tensors taken from it."""
    settings, context = task.settings, DistributedContext(0, 1, choose_device(task.settings.device))
    detector = Detector(
        model,
        task.card.detector,
        classes=len(task.card.categories),
        masks=task.card.masks,
        norm=resolve_norm(settings.norm, context),
        freeze=settings.freeze,
        seed=0,
    )
    try:
        report = load_weights(detector, source, model, parts=taken)
    except InputError as error:
        hint = "" if Path(source).exists() else nearest(Path(source).name, ["none", "imagenet"])
        raise InputError(error.what, where=error.where, fix=hint or error.fix) from error
    if report is None:
        return (), ""
    counts, trunk = report.counts(), nn.ModuleDict(detector.exports()).state_dict()
    sha = hashlib.sha256()
    for name in sorted(report.matched):
        sha.update(name.encode())
        sha.update(trunk[name].contiguous().numpy().tobytes())
    return tuple(part for part in TRUNK if counts.get(part, (0,))[0]), sha.hexdigest()
