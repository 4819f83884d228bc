"""What the trials start from: the weights of each initialization, opened and checked once, and known again later.

All trials of an initialization have to start from the same weights, those of a comparison that goes on tomorrow too.
Hence a run that is still being trained is refused, and every source is remembered by a hash of its tensors.
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
from codo.detection.load_pretrained import FREE, architecture, load_weights, recorded_names
from codo.detection.task import Task
from codo.models.encoder import ModelSettings
from codo.models.weights import TRUNK
from codo.training.distributed import DistributedContext, choose_device


@dataclass(frozen=True)
class Initialization:
    """What an initialization brings.

    Attributes:
        parts: The components of the trunk that it fills: ``backbone``, ``fpn``, ``box_head``; the rest is random.
        weights: Source -> SHA-256 of the tensors that are taken from it; with ``{seed}`` a source for each seed.
    """

    parts: tuple[str, ...]
    weights: Mapping[str, str]


@contextmanager
def errors_named(init: str) -> Iterator[None]:
    """Let errors say which initialization they are about."""
    try:
        yield
    except InputError as error:
        where = f"{error.where}, for {init} of inits=" if error.where else f"{init} of inits="
        raise InputError(error.what, where=where, fix=error.fix) from error


def common_trunk(settings: CompareSettings, demanded: Mapping[str, Any]) -> ModelSettings:
    """The trunk of all trials: that of the runs among the initializations, which must agree, else ``model``.

    Args:
        settings: What to compare.
        demanded: What the command, not the recipe, says of the trunk.

    Raises:
        InputError: Two sources have different trunks, or another than the command demands.
    """
    decided: dict[str, tuple[str, Any]] = {}
    for init in settings.inits:
        for source in dict.fromkeys(settings.source(init, seed) for seed in settings.seeds):
            with errors_named(init):
                theirs = architecture(source, settings.model, demanded)
            if theirs is settings.model:  # nothing recorded
                continue
            for name in sorted(recorded_names(source) - set(FREE)):  # of image-level methods the backbone alone
                first, value = decided.setdefault(name, (source, getattr(theirs, name)))
                if value != getattr(theirs, name):
                    what = f"the trunks differ: model.{name} is {value} in {first}, {getattr(theirs, name)} in {source}"
                    raise InputError(what, where="inits", fix="compare weights of one architecture")
    return settings.model.model_copy(update={name: value for name, (_, value) in decided.items()} | {"init": "none"})


def open_initialization(settings: CompareSettings, init: str, task: Task, trunk: ModelSettings) -> Initialization:
    """Load the weights of an initialization as its trials will.

    Raises:
        InputError: They cannot be had, do not fit, are still being trained, or fill other parts with each seed.
    """
    parts: tuple[str, ...] | None = None
    weights: dict[str, str] = {}
    for source in dict.fromkeys(settings.source(init, seed) for seed in settings.seeds):
        with errors_named(init):
            _check_at_rest(source)
            there, weights[source] = _load(task, source, architecture(source, trunk, {}))
        if parts is not None and there != parts:
            first, other = format_parts(parts), format_parts(there)
            what = f"with another seed it fills other parts: {first}, but {other} from {source}"
            raise InputError(what, where=f"{init} of inits=", fix="give runs of one method")
        parts = there
    return Initialization(parts or (), weights)


def check_unchanged(
    initializations: Mapping[str, Initialization], before: Mapping[str, Initialization], begun: Iterable[Trial]
) -> None:
    """Refuse to go on from weights that are not those that trials have started from.

    Args:
        initializations: As they are now.
        before: As they were when the comparison was last at work.
        begun: Trials that have something on disk.

    Raises:
        InputError: See above.
    """
    for trial in begun:
        source = trial.settings.weights
        then = before[trial.init].weights.get(source) if trial.init in before else None
        if then is not None and then != initializations[trial.init].weights[source]:
            what = f"the weights have changed since trials were started from them; the first: {trial}"
            fix = "choose another out=, another name for these weights, or bring the old ones back"
            raise InputError(what, where=source, fix=fix)


def format_parts(parts: Iterable[str]) -> str:
    """Parts in words."""
    return ", ".join({"fpn": "FPN", "box_head": "box head"}.get(part, part) for part in parts) or "nothing"


def _check_at_rest(source: str) -> None:
    if is_run(source) and Run(Path(source)).busy:
        fix = "wait for it, or compare an export of it: codo export RUN --to safetensors"
        raise InputError("the run is still being trained, so its weights change", where=source, fix=fix)


def _load(task: Task, source: str, model: ModelSettings) -> tuple[tuple[str, ...], str]:
    """The parts that a source fills, and the hash of what is taken from it."""
    settings, context = task.settings, DistributedContext(0, 1, choose_device(task.settings.device))
    detector = Detector(
        model,
        settings.detector,
        classes=len(task.card.categories),
        masks=task.card.masks,
        norm=resolve_norm(settings.norm, context),
        freeze=settings.freeze,
        seed=0,
    )
    try:
        report = load_weights(detector, source, model)
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
