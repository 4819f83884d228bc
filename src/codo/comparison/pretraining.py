"""The pretrainings of a comparison, by default one for each seed.

::

    OUT/pretraining/INIT/seed-S/              an ordinary run of codo pretrain
    OUT/pretraining/INIT/seed-S/cost.json     its cost, written last (see ``pretraining_costs``)

An existing run in this place, made by ``codo pretrain`` on several GPUs for example, is used if its settings are equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codo.comparison.compare_settings import CompareSettings
from codo.comparison.initializations import common_trunk, naming_initialization
from codo.comparison.pretraining_costs import COST, cost_of
from codo.core.config import merge, nest, read_recipe, resolve
from codo.core.errors import InputError, nearest
from codo.core.io import write_atomically
from codo.core.recipe_width import without_recipe_width
from codo.core.run import check_out
from codo.detection.load_pretrained import OWN
from codo.methods.registry import build_method, find_method
from codo.models.encoder import ModelSettings
from codo.training.pretrain import recipe_of_method, run_pretraining
from codo.training.pretrain_settings import PretrainSettings, with_absolute_paths
from codo.training.pretrain_task import prepare_pretrain_task

RECIPE = "recipe"
"""Key for the recipe of a pretraining, if it is not the recipe with the method's name."""


@dataclass(frozen=True)
class Pretraining:
    """One pretraining.

    Attributes:
        init: Name of the initialization.
        seed: Its seed.
        settings: All settings, as recorded in the run.
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
    def finished(self) -> bool:
        """Whether it is finished."""
        return (self.path / COST).is_file()

    def __str__(self) -> str:
        """Name for messages."""
        return f"pretraining of {self.init}, seed {self.seed}"


def run_pretraining_job(settings: PretrainSettings) -> None:
    """Run or resume a pretraining; raises like `codo.pretrain`."""
    run = run_pretraining(settings)
    write_atomically(run.path / COST, cost_of(run).to_json())


def pretrainings(settings: CompareSettings, model_overrides: Mapping[str, Any]) -> list[Pretraining]:
    """All pretrainings of a comparison, checked, with the seeds as outermost loop.

    Args:
        settings: What to compare.
        model_overrides: ``model`` settings given by the user, which apply to pretrainings too.

    Raises:
        InputError: Invalid settings or images; a batch size or an option that the method refuses; or the folder of a
            run contains something else.
    """
    seeds = settings.seeds if settings.repeat_pretraining else settings.seeds[:1]
    inits = [init for init in settings.inits if settings.weights_of(init) is None]
    shared = merge({"model": model_overrides}, nest(settings.pretrain)) if model_overrides else nest(settings.pretrain)
    settings = settings.model_copy(update={"pretrain": shared})
    first = {init: _checked(settings, init, seeds[0]) for init in inits}
    found = []
    for seed in seeds:
        for init in inits:
            out = settings.pretraining_folder(init, seed)
            resolved = first[init].model_copy(update={"seed": seed, **settings.places(out)})
            with naming_initialization(init):
                check_out(out, resolved.model_dump(mode="json"))
            found.append(Pretraining(init, seed, resolved))
    return found


def restrict_to_available(
    settings: CompareSettings, pretraining_jobs: Sequence[Pretraining], model_overrides: Mapping[str, Any]
) -> CompareSettings:
    """The comparison of the initializations that exist already, with the trunk that the pretrainings will have.

    Raises:
        InputError: The pretrainings, or one and given weights, have different trunks.
    """
    trunk: dict[str, tuple[str, Any]] = {}
    for job in pretraining_jobs:
        has_fpn = find_method(job.settings.method).parts != ("backbone",)
        for name in ModelSettings.model_fields if has_fpn else ("backbone", "width"):
            value = getattr(job.settings.model, name)
            init, other = trunk.setdefault(name, (job.init, value))
            if value != other and name not in OWN:
                what = f"the trunks differ: model.{name} is {other} in {init}, {value} in {job.init}"
                raise InputError(what, where="inits", fix="set the same model for all with pretrain.model")
    if not pretraining_jobs:
        return settings
    model = settings.model.model_copy(update={name: value for name, (_, value) in trunk.items() if name not in OWN})
    missing = {job.init for job in pretraining_jobs if not job.finished}
    available = {init: source for init, source in settings.inits.items() if init not in missing} or {"none": "none"}
    restricted = settings.model_copy(update={"model": model, "inits": available})
    common_trunk(restricted, model_overrides, {name: one for name, one in trunk.items() if name not in OWN})
    return restricted


def _checked(settings: CompareSettings, init: str, seed: int) -> PretrainSettings:
    """The settings of a pretraining after all checks."""
    with naming_initialization(init):
        task = prepare_pretrain_task(pretrain_settings(settings, init, seed))
        build_method(task.settings.method, task.setup())
        trained = find_method(task.settings.method).parts
        if lacking := [part for part in settings.parts_of(init) or () if part not in trained]:
            what = f"method {task.settings.method} does not pretrain {' and '.join(lacking)}"
            raise InputError(what, where="parts", fix=f"choose from those that it does: {', '.join(trained)}")
    return task.settings


def pretrain_settings(settings: CompareSettings, init: str, seed: int) -> PretrainSettings:
    """The settings of a pretraining: its recipe, then the shared settings, then those of the initialization.

    Raises:
        InputError: Unknown or invalid settings, or a pool that is not in ``pools``.
    """
    given = settings.inits[init]
    assert not isinstance(given, str)  # `pretrainings` has left weights out
    individual, shared = nest(given), nest(settings.pretrain)
    common = shared.pop(RECIPE, None)
    recipe = individual.pop(RECIPE, None) or recipe_of_method(individual) or common
    if not find_method(method_of(recipe, individual)).needs_backgrounds:
        shared.pop("backgrounds", None)  # only methods that paste have backgrounds
    fixed = {"seed": seed, "device": settings.device, **settings.places(settings.pretraining_folder(init, seed))}
    values = merge(merge(shared, individual), fixed)
    filled = dict(_fill_pools(values, settings.pools))
    resolved, _ = without_recipe_width(resolve(PretrainSettings, recipe, filled), filled)
    return with_absolute_paths(resolved)


def method_of(recipe: str | None, overrides: Mapping[str, Any]) -> str:
    """The name of the method of a recipe with settings on top of it."""
    values = merge(read_recipe(recipe), overrides) if recipe else overrides
    return str(values.get("method", "codo"))


def _fill_pools(values: Mapping[str, Any], pools: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, Any]]:
    """The settings with pool names replaced by folders: ``{scenes}``, or with a share ``{scenes}@0.3``."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield key, dict(_fill_pools(value, pools))
        elif isinstance(value, list | tuple):
            yield key, [path for item in value for path in _resolve_pools(key, item, pools)]
        else:
            paths = _resolve_pools(key, value, pools)
            if len(paths) != 1:
                fix = "prepare them as one catalog, or give one folder"
                raise InputError(f"{value} stands for several folders", where=key, fix=fix)
            yield key, paths[0]


def _resolve_pools(key: str, value: Any, pools: Mapping[str, tuple[str, ...]]) -> list[Any]:
    if not (isinstance(value, str) and value.startswith("{")):
        return [value]
    name, _, share = value[1:].partition("}")
    if name not in pools:
        fix = nearest(name, list(pools)) or f"add pools.{name}=DIR"
        raise InputError(f"there is no pool {{{name}}}", where=key, fix=fix)
    return [f"{path}{share}" for path in pools[name]]
