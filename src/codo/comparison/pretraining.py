"""The pretrainings of a comparison: initializations that it makes itself, by default one for each seed.

::

    OUT/pretraining/INIT/seed-S/              an ordinary run of codo pretrain
    OUT/pretraining/INIT/seed-S/cost.json     written last: what it has cost (see ``costs``)

A run that was made by hand in its place, on more GPUs say, is taken as it is if its settings are these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codo.comparison.compare_settings import CompareSettings
from codo.comparison.initializations import errors_named
from codo.comparison.pretraining_costs import COST, cost_of
from codo.core.config import merge, nest, read_recipe, resolve
from codo.core.errors import InputError, nearest
from codo.core.io import write_atomically
from codo.core.run import check_out
from codo.detection.load_pretrained import FREE
from codo.methods.registry import build_method, find_method
from codo.models.encoder import ModelSettings
from codo.training.pretrain import recipe_of_method, run_pretraining
from codo.training.pretrain_settings import PretrainSettings, with_absolute_paths
from codo.training.pretrain_task import prepare_pretrain_task

RECIPE = "recipe"
"""Beside the settings of a pretraining: the recipe that they stand on, in place of that of the method's name."""


@dataclass(frozen=True)
class Pretraining:
    """One pretraining.

    Attributes:
        init: Name of the initialization that it makes.
        seed: Its seed.
        settings: All of them, as the run records them.
    """

    init: str
    seed: int
    settings: PretrainSettings
    verb = "pretrain"

    @property
    def path(self) -> Path:
        """The run directory."""
        return Path(self.settings.out)

    @property
    def done(self) -> bool:
        """Whether it is finished."""
        return (self.path / COST).is_file()

    def __str__(self) -> str:
        """In words."""
        return f"pretraining of {self.init}, seed {self.seed}"


def run_pretraining_job(settings: PretrainSettings) -> None:
    """Do a pretraining, or what is left of it; raises like `codo.pretrain`."""
    run = run_pretraining(settings)
    write_atomically(run.path / COST, cost_of(run).written())


def pretrainings(settings: CompareSettings, demanded: Mapping[str, Any]) -> list[Pretraining]:
    """What has to be pretrained, the seeds outermost; every one can be done.

    Args:
        settings: What to compare.
        demanded: What the command says of the trunk, which pretrainings follow.

    Raises:
        InputError: Wrong settings or images; a batch or an option that the method refuses; or a folder of a run that
            holds something else.
    """
    seeds = settings.seeds if settings.repeat_pretraining else settings.seeds[:1]
    inits = [init for init, source in settings.inits.items() if not isinstance(source, str)]
    shared = merge({"model": demanded}, nest(settings.pretrain)) if demanded else nest(settings.pretrain)
    settings = settings.model_copy(update={"pretrain": shared})
    first = {init: _checked(settings, init, seeds[0]) for init in inits}
    found = []
    for seed in seeds:
        for init in inits:
            out = settings.pretraining_folder(init, seed)
            own = first[init].model_copy(update={"seed": seed, "out": str(out)})
            with errors_named(init):
                check_out(out, own.model_dump(mode="json"))
            found.append(Pretraining(init, seed, own))
    return found


def at_hand(settings: CompareSettings, wanted: Sequence[Pretraining]) -> CompareSettings:
    """The comparison of what is there already, on the trunk that the pretrainings will have.

    Raises:
        InputError: The pretrainings have different trunks.
    """
    trunk: dict[str, tuple[str, Any]] = {}
    for one in wanted:
        whole = find_method(one.settings.method).parts != ("backbone",)
        for name in ModelSettings.model_fields if whole else ("backbone", "width"):
            value = getattr(one.settings.model, name)
            init, other = trunk.setdefault(name, (one.init, value))
            if value != other and name not in FREE:
                what = f"the trunks differ: model.{name} is {other} in {init}, {value} in {one.init}"
                raise InputError(what, where="inits", fix="give all the same, by pretrain.model")
    if not wanted:
        return settings
    model = settings.model.model_copy(update={name: value for name, (_, value) in trunk.items() if name not in FREE})
    due = {one.init for one in wanted if not one.done}
    left = {init: source for init, source in settings.inits.items() if init not in due} or {"none": "none"}
    return settings.model_copy(update={"model": model, "inits": left})


def _checked(settings: CompareSettings, init: str, seed: int) -> PretrainSettings:
    """The settings of a pretraining, once everything that can be wrong has been looked at."""
    with errors_named(init):
        task = prepare_pretrain_task(pretrain_settings(settings, init, seed))
        build_method(task.settings.method, task.setup())
    return task.settings


def pretrain_settings(settings: CompareSettings, init: str, seed: int) -> PretrainSettings:
    """The settings of a pretraining: its recipe, those that all share, its own.

    Raises:
        InputError: Unknown or wrong settings, or a pool that ``pools`` does not have.
    """
    given = settings.inits[init]
    assert not isinstance(given, str)
    own, shared = nest(given), nest(settings.pretrain)
    common = shared.pop(RECIPE, None)
    recipe = own.pop(RECIPE, None) or recipe_of_method(own) or common
    if not find_method(method_of(recipe, own)).needs_backgrounds:
        shared.pop("backgrounds", None)  # those are for the methods that paste
    fixed = {"seed": seed, "out": str(settings.pretraining_folder(init, seed)), "device": settings.device}
    values = merge(merge(shared, own), fixed)
    filled = dict(_filled(values, settings.pools))
    return with_absolute_paths(resolve(PretrainSettings, recipe, filled))


def method_of(recipe: str | None, own: Mapping[str, Any]) -> str:
    """The name of the method that a recipe and settings on top of it come to."""
    values = merge(read_recipe(recipe), own) if recipe else own
    return str(values.get("method", "codo"))


def _filled(values: Mapping[str, Any], pools: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, Any]]:
    """The settings with the pools that they name: ``{scenes}``, with a share ``{scenes}@0.3``."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield key, dict(_filled(value, pools))
        elif isinstance(value, list | tuple):
            yield key, [path for item in value for path in _places(key, item, pools)]
        else:
            places = _places(key, value, pools)
            if len(places) != 1:
                raise InputError(f"{value} is several folders", where=key, fix="prepare them together, or name one")
            yield key, places[0]


def _places(key: str, value: Any, pools: Mapping[str, tuple[str, ...]]) -> list[Any]:
    if not (isinstance(value, str) and value.startswith("{")):
        return [value]
    name, _, share = value[1:].partition("}")
    if name not in pools:
        fix = nearest(name, list(pools)) or f"add pools.{name}=DIR"
        raise InputError(f"there is no pool {{{name}}}", where=key, fix=fix)
    return [f"{path}{share}" for path in pools[name]]
