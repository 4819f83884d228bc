"""The settings of each verb. Importing this imports everything, torch included."""

from __future__ import annotations

from collections.abc import Iterator

from codo.command_line.described import Described, described
from codo.comparison.compare_settings import CompareSettings
from codo.convert import ConvertSettings
from codo.core.config import Settings
from codo.detection.evaluate import EvaluateSettings
from codo.detection.finetune_settings import FinetuneSettings
from codo.methods.registry import METHODS, find_method
from codo.planning.plan import PlanSettings
from codo.preparation.prepare_settings import PrepareSettings
from codo.reporting.view import ViewSettings
from codo.training.pretrain_settings import PretrainSettings
from codo.training.probing import ProbeVerbSettings

SCHEMAS: dict[str, type[Settings]] = {
    "pretrain": PretrainSettings,
    "finetune": FinetuneSettings,
    "compare": CompareSettings,
    "plan": PlanSettings,
    "prepare": PrepareSettings,
    "probe": ProbeVerbSettings,
    "evaluate": EvaluateSettings,
    "view": ViewSettings,
    "convert": ConvertSettings,
}
"""Verb -> its settings."""

GIVEN_OTHERWISE = {"compare": ("weights", "seed", "data.fraction"), "probe": ("source",)}
"""Settings that a schema has and its verb does not take: the trials, or the first word, set them."""

TAKE_METHODS = ("pretrain", "plan")
"""The verbs with ``method`` and its ``options``."""


def settings_of(verb: str) -> list[Described]:
    """The settings that a verb takes, without the options of methods."""
    return [one for one in described(SCHEMAS[verb]) if one.name not in GIVEN_OTHERWISE.get(verb, ())]


def options_of_methods() -> Iterator[tuple[str, Described]]:
    """Name of the method and setting, for the options of every method."""
    for name in METHODS:
        for option in described(find_method(name).Options, "options."):
            yield name, option
