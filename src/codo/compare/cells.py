"""The cells of a comparison: finetuning runs that differ in initialisation, label fraction and seed alone.

::

    OUT/cells/INIT/fraction-F/seed-S/               an ordinary run of codo finetune
    OUT/cells/INIT/fraction-F/seed-S/result.json    written last: a cell that has it is finished

Each is what ``codo finetune weights=INIT data.fraction=F seed=S`` does, with the trunk that the initialisations have.
All are checked before the first begins.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codo.catalog.paths import absolute
from codo.compare.settings import CompareSettings, folder_name
from codo.config import nest, resolve
from codo.detection.detector import Detector
from codo.detection.finetune import finetune, resolve_norm
from codo.detection.settings import FinetuneSettings
from codo.detection.start import FREE, architecture, load_weights, recorded_names
from codo.detection.task import Task, prepare_task
from codo.detection.validation import MAIN
from codo.errors import InputError
from codo.models.encoder import ModelSettings
from codo.reporting.numbers import share
from codo.run import Run, check_out, is_run, write_atomically
from codo.training.distributed import Processes, choose_device

RESULT = "result.json"

Numbers = dict[str, dict[str, float]]
"""What `codo.evaluate` returns: ``{"bbox": {"AP": …, …}, …}``."""


@dataclass(frozen=True)
class Cell:
    """One finetuning.

    Attributes:
        init: Name of the initialisation.
        fraction: Share of the labelled images.
        seed: Seed of the finetuning.
        images: Labelled images that it learns from.
        settings: All of them, resolved as in the run's own ``config.yaml``.
    """

    init: str
    fraction: float
    seed: int
    images: int
    settings: FinetuneSettings

    @property
    def path(self) -> Path:
        """The run directory."""
        return Path(self.settings.out)

    @property
    def key(self) -> tuple[str, float, int]:
        """What tells it from the others: initialisation, fraction, seed."""
        return self.init, self.fraction, self.seed

    def __str__(self) -> str:
        """In words."""
        return f"{self.init}, {share(self.fraction)} of the labels, seed {self.seed}"

    def numbers(self) -> Numbers | None:
        """COCO's numbers once it is finished."""
        file = self.path / RESULT
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def plan(settings: CompareSettings, demanded: Mapping[str, Any]) -> tuple[list[Cell], dict[str, str]]:
    """All cells in the order they are done, and what each initialisation brings; everything is checked.

    Seeds come outermost, so that a comparison that is cut short has whole seeds.

    Args:
        settings: What to compare.
        demanded: What the command, not the recipe, says of the trunk.

    Returns:
        The cells, and initialisation -> "backbone, fpn, box_head", or "nothing".

    Raises:
        InputError: Wrong settings, data or weights; or a folder of a cell that holds something else.
    """
    mine = Processes(0, 1, choose_device(settings.device))
    sources = {
        init: [absolute_source(settings.source(init, seed)) for seed in settings.seeds] for init in settings.inits
    }
    trunk = common_trunk([source for column in sources.values() for source in column], settings.model, demanded)
    tasks = {fraction: _task(settings, fraction, trunk) for fraction in settings.fractions}
    task = next(iter(tasks.values()))
    parts: dict[str, str] = {}
    for init, column in sources.items():
        for source in dict.fromkeys(column):
            parts[init] = _try_weights(task, source, architecture(source, trunk, {}), mine)
    cells = []
    for index, seed in enumerate(settings.seeds):
        for fraction, of in tasks.items():
            for init, column in sources.items():
                model = architecture(column[index], trunk, {})
                own = _cell_settings(settings, of, init, fraction, seed, column[index], model)
                cells.append(Cell(init, fraction, seed, len(of.images), own))
    for cell in cells:
        _check_folder(cell)
    return cells, parts


def absolute_source(source: str) -> str:
    """A source that is found from any folder."""
    return source if source in ("none", "imagenet") else absolute(source)


def common_trunk(sources: list[str], model: ModelSettings, demanded: Mapping[str, Any]) -> ModelSettings:
    """The trunk of all cells: that of the runs among the sources, which must agree, else ``model``.

    Raises:
        InputError: Two sources have different trunks, or another than the command demands.
    """
    decided: dict[str, tuple[str, Any]] = {}  # setting -> who said it first, and what
    for source in dict.fromkeys(sources):
        theirs = architecture(source, model, demanded)
        if theirs is model:  # nothing recorded
            continue
        for name in sorted(recorded_names(source) - set(FREE)):
            other = getattr(theirs, name)
            who, ours = decided.setdefault(name, (source, other))
            if ours != other:
                what = f"the trunks differ: model.{name} is {ours} in {who}, {other} in {source}"
                raise InputError(what, where="inits", fix="compare weights of one architecture")
    return model.model_copy(update={name: value for name, (_, value) in decided.items()} | {"init": "none"})


def _task(settings: CompareSettings, fraction: float, trunk: ModelSettings) -> Task:
    """The data of a fraction, read and checked."""
    shared = settings.protocol() | {"model": trunk}
    data = settings.data.model_dump() | {"fraction": fraction, "fraction_seed": _draw(settings, settings.seeds[0])}
    return prepare_task(_validated(shared | {"data": data}), world=1)


def _cell_settings(
    settings: CompareSettings, task: Task, init: str, fraction: float, seed: int, source: str, model: ModelSettings
) -> FinetuneSettings:
    folder = Path(absolute(settings.out)) / "cells" / folder_name(init) / f"fraction-{fraction:g}" / f"seed-{seed}"
    data = task.settings.data.model_dump() | {"fraction": fraction, "fraction_seed": _draw(settings, seed)}
    own = {"data": data, "model": model, "weights": source, "seed": seed, "out": str(folder)}
    return _validated(settings.protocol() | own)


def _draw(settings: CompareSettings, seed: int) -> int:
    """Seed of the draw of the labelled images; the same for all initialisations."""
    return seed if settings.redraw else settings.data.fraction_seed


def _validated(values: Mapping[str, Any]) -> FinetuneSettings:
    plain = {key: value.model_dump() if hasattr(value, "model_dump") else value for key, value in values.items()}
    settings = resolve(FinetuneSettings, None, plain)
    return settings.model_copy(update={"data": settings.data.with_absolute_paths()})


def _try_weights(task: Task, source: str, model: ModelSettings, mine: Processes) -> str:
    """Load the weights as a cell will; returns the components that they fill."""
    settings = task.settings
    detector = Detector(
        model,
        settings.detector,
        classes=len(task.card.categories),
        masks=task.card.masks,
        norm=resolve_norm(settings.norm, mine),
        freeze=settings.freeze,
        seed=0,
    )
    report = load_weights(detector, source, model)
    return ", ".join(c for c, (matched, *_) in report.counts().items() if matched) if report else "nothing"


def _check_folder(cell: Cell) -> None:
    try:
        check_out(cell.path, cell.settings.model_dump(mode="json"))
    except InputError as error:
        what = error.what.replace("out= holds a run", "the comparison in out= has this cell")
        fix = "choose another out=, or give the settings of that comparison to go on with it"
        raise InputError(what, where=error.where, fix=fix) from error


def finish(settings: FinetuneSettings) -> None:
    """Do a cell, or what is left of it.

    Raises:
        InputError, CodoError: As `codo.finetune`.
        Interrupted, Preempted: Stopped, with a checkpoint.
    """
    run = finetune(None, **nest(settings.model_dump()))
    write_atomically(run.path / RESULT, json.dumps(numbers_of(run), indent=2) + "\n")


def begun(cell: Cell) -> bool:
    """Whether a cell has something to go on with."""
    return is_run(cell.path) and bool(Run(cell.path).checkpoints())


def numbers_of(run: Run) -> Numbers:
    """What `codo.evaluate` says of a finished run, from its log: the last evaluation, with ``early_stop`` the best."""
    rows = [row for row in run.metrics() if row.get(MAIN) is not None]
    row = rows[-1] if run.config.get("early_stop") is None else max(rows, key=lambda one: float(one[MAIN]))
    found: Numbers = {}
    for key, value in row.items():
        parts = key.split("/")
        if parts[0] == "ap" and len(parts) == 3:  # four: the AP of a class
            found.setdefault(parts[1], {})[parts[2]] = value
    return found
