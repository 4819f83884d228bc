"""The grid of a comparison: all trials, each of them checked before the first begins.

A trial is the same as ``codo finetune weights=INIT data.fraction=F seed=S``, with the one architecture that all
initializations share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codo.annotations.records import Annotations
from codo.comparison.chosen_classes import check_classes, check_metric
from codo.comparison.compare_settings import CompareSettings, folder_name
from codo.comparison.initializations import Initialization, common_trunk, naming_initialization, open_initialization
from codo.comparison.trials import Trial
from codo.core.config import resolve
from codo.core.errors import InputError
from codo.core.run import Run, check_out
from codo.detection.finetune_settings import FinetuneSettings
from codo.detection.load_pretrained import architecture
from codo.detection.protocol import describe_rare_classes
from codo.detection.task import Task, prepare_task
from codo.loading.contents import check_contents, labeled_contents
from codo.models.encoder import ModelSettings
from codo.models.normalization import IMAGENET, Normalization, recorded_normalization
from codo.models.pixel_rules import PixelSettings, recorded_pixels
from codo.training.trackers import check_trackers


@dataclass(frozen=True)
class Grid:
    """The trials of a comparison, checked.

    Attributes:
        out: Folder of the comparison.
        trials: The trials in the order in which they run.
        initializations: The initializations by name, the reference first.
        evaluated: Number of evaluation images.
        published: Table of the paper to show as well, if any.
        metric: The number that the verdicts are about.
        notes: Sentences on the data.
        classes: The classes whose mean AP the verdicts are about; empty: ``metric`` of all classes.
        val: The evaluation data.
        planned: All seeds of the command, of which ``trials`` may have the first ones only; empty: theirs.
    """

    out: Path
    trials: list[Trial]
    initializations: dict[str, Initialization]
    evaluated: int
    published: str | None = None
    metric: str = "AP"
    notes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    val: Annotations | None = None
    planned: tuple[int, ...] = ()


def make_grid(settings: CompareSettings, model_overrides: Mapping[str, Any]) -> Grid:
    """Build and check all trials and their initializations.

    Seeds are the outermost loop, so that an interrupted comparison has finished every
    initialization and fraction of its first seeds.

    Args:
        settings: What to compare; ``out`` is absolute.
        model_overrides: ``model`` settings given by the user, not by the recipe.

    Raises:
        InputError: Invalid settings, data or weights; or the folder of a trial contains something else, or was begun
            with other data.
    """
    check_trackers(settings.log)
    trunk = common_trunk(settings, model_overrides)
    settings = read_alike(settings, trunk)
    tasks = _tasks(settings, trunk)
    task = tasks[settings.fractions[0], settings.seeds[0]]
    classes = settings.judge.classes or ()
    check_classes(classes, task.val)
    check_metric(settings.judge.metric, task.val)
    initializations = {init: open_initialization(settings, init, task, trunk) for init in settings.inits}
    trials = [
        _trial(settings, init, fraction, seed, tasks[fraction, seed], trunk)
        for seed in settings.seeds
        for fraction in settings.fractions
        for init in settings.inits
    ]
    held = labeled_contents({"train": task.train, "val": task.val})
    for trial in trials:
        _check_folder(trial, held)
    return Grid(
        Path(settings.out),
        trials,
        initializations,
        len(task.val),
        settings.published,
        settings.judge.metric,
        tuple(filter(None, [describe_rare_classes(task.val, classes), _normalizations(trials)])),
        classes,
        task.val,
    )


def _normalizations(trials: Iterable[Trial]) -> str:
    """A sentence on how the images of each initialization are normalized; empty if all are alike."""
    found: dict[Normalization, dict[str, None]] = {}
    for trial in trials:
        found.setdefault(trial.settings.model.normalization, {})[trial.init] = None
    if len(found) < 2:
        return ""
    each = "; ".join(f"{', '.join(inits)}: {'ImageNet' if own == IMAGENET else own}" for own, inits in found.items())
    return f"Images are normalized as the weights of each initialization were trained ({each})."


def _tasks(settings: CompareSettings, trunk: ModelSettings) -> dict[tuple[float, int], Task]:
    """The finetuning task of each fraction and seed; the data are read once."""
    tasks: dict[tuple[float, int], Task] = {}
    data: tuple[Annotations, Annotations] | None = None
    first = next(iter(settings.inits))
    for fraction in settings.fractions:
        for seed in settings.seeds:
            with naming_initialization(first):
                resolved = _validated(settings, first, fraction, seed, out=settings.out, model=trunk)
            task = tasks[fraction, seed] = prepare_task(resolved, 1, data)
            data = task.train, task.val
    return tasks


def _trial(settings: CompareSettings, init: str, fraction: float, seed: int, task: Task, trunk: ModelSettings) -> Trial:
    weights = settings.source(init, seed)
    folder = Path(settings.out) / "trials" / folder_name(init) / f"fraction-{fraction:g}" / f"seed-{seed}"
    with naming_initialization(init):
        model = architecture(weights, trunk, {}).normalized_for(weights, recorded_normalization(folder))
        pixels = recorded_pixels(folder, settings.data.pixel_settings)
        model = model.model_copy(update={"pixels": pixels})
        resolved = _validated(settings, init, fraction, seed, out=str(folder), model=model)
    resolved = resolved.model_copy(update={"data": task.settings.data})  # all files, as in the run's config.yaml
    return Trial(init, fraction, seed, len(task.images), resolved)


def read_alike(settings: CompareSettings, trunk: ModelSettings) -> CompareSettings:
    """Let all trials read the data alike: as the initializations record it, where ``data.*`` leaves it open.

    Raises:
        InputError: Initializations record different rules.
    """
    found: dict[str, PixelSettings] = {}
    for init in settings.inits:
        with naming_initialization(init):
            pixels = [architecture(settings.source(init, seed), trunk, {}).pixels for seed in settings.seeds]
        found |= {str(one.pixel_rules): one for one in pixels if one is not None}
    if len(found) > 1 and settings.data.pixel_settings is None:
        raise InputError(
            f"the initializations were pretrained on images that became colors in different ways ({'; '.join(found)})",
            where="inits",
            fix="choose one for the labeled images: data.bands=, data.value_range=, data.nodata=",
        )
    data = settings.data.filled_from(next(iter(found.values()), None))
    return settings.model_copy(update={"data": data})


def _validated(
    settings: CompareSettings, init: str, fraction: float, seed: int, *, out: str, model: ModelSettings
) -> FinetuneSettings:
    """The resolved settings of one trial."""
    shared = {name: getattr(settings, name) for name in FinetuneSettings.model_fields}
    drawn = {"fraction": fraction, "fraction_seed": settings.draw(seed)}
    data = settings.data.with_absolute_paths().model_dump() | drawn
    start = {"weights": settings.source(init, seed), "parts": settings.parts_of(init)}
    values = shared | start | {"data": data, "model": model, "seed": seed, **settings.places(out)}
    plain = {key: value.model_dump() if hasattr(value, "model_dump") else value for key, value in values.items()}
    return resolve(FinetuneSettings, None, plain)


def _check_folder(trial: Trial, held: Mapping[str, str]) -> None:
    begun = trial.result() is not None or bool(Run(trial.path).checkpoints())
    try:
        check_contents(str(trial.path), held, lambda one: [one], resumed=begun, held="images or labels")
    except InputError as error:
        fix = "trials of one comparison need the same data: bring them back, or choose another out="
        raise InputError(error.what, where=error.where, fix=fix) from error
    try:
        check_out(trial.path, trial.settings.model_dump(mode="json"))
    except InputError as error:
        what = error.what.replace("out= holds a run", "the comparison in out= has this trial")
        fix = "choose another out=, or give the settings of that comparison to resume it"
        raise InputError(what, where=error.where, fix=fix) from error
