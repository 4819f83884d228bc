"""What can be typed after ``codo``, as lists of words: from the parser, the settings' schemas and the recipes.

The metavar of an argument says what its words are: ``RECIPE``, ``key=value``, ``SETTING``; any other is a file or a
value of the user's.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

from codo.command_line.described import Described, groups
from codo.command_line.parser import build_parser
from codo.command_line.recipe_list import verb_of
from codo.command_line.schemas import SCHEMAS, TAKE_METHODS, options_of_methods, settings_of
from codo.core.config import read_recipe, shipped_recipes
from codo.methods.registry import METHODS

RECIPES_OF = {
    "pretrain": ("pretrain",),
    "plan": ("pretrain",),
    "finetune": ("finetune",),
    "compare": ("compare", "finetune"),
}
"""Verb -> the verbs whose recipes it takes; the others take all."""


class OptionWords(NamedTuple):
    """An option.

    Attributes:
        names: With dashes: ``-c``, ``--config``.
        help: What the parser says.
        takes_value: Whether a value follows.
        values: The values, as far as they are known.
        recipe: Whether the value is a recipe: one of ``values``, or a file.
    """

    names: tuple[str, ...]
    help: str
    takes_value: bool
    values: tuple[str, ...]
    recipe: bool


class VerbWords(NamedTuple):
    """A verb.

    Attributes:
        name: The verb.
        help: What the parser says.
        options: Its options.
        words: What may stand alone: recipes, names of settings, shells.
        settings: The names that ``=`` follows, and what they do.
        values: Setting -> its values, for those with named values.
        files: Whether a file may stand alone.
    """

    name: str
    help: str
    options: tuple[OptionWords, ...]
    words: tuple[str, ...]
    settings: dict[str, str]
    values: dict[str, tuple[str, ...]]
    files: bool


def all_words() -> list[VerbWords]:
    """The words of every verb."""
    (verbs,) = (action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction))
    helps = {choice.dest: choice.help or "" for choice in verbs._choices_actions}
    return [_verb(name, helps[name], parser) for name, parser in verbs.choices.items()]


def _verb(name: str, help_: str, parser: argparse.ArgumentParser) -> VerbWords:
    options, words, files, takes_settings = [], list[str](), False, False
    for action in parser._actions:
        metavar = str(action.metavar or "")
        recipe = "RECIPE" in metavar
        known = recipes_of(name) if recipe else list(action.choices or ())
        if action.option_strings:
            if action.help != argparse.SUPPRESS:
                takes_value = action.nargs != 0
                text = action.help or ""
                options.append(OptionWords(tuple(action.option_strings), text, takes_value, tuple(known), recipe))
            continue
        words += known
        takes_settings |= "key=value" in metavar
        if metavar == "SETTING":
            words += _names_and_groups()
        elif metavar != "key=value" and not action.choices:
            files = True
    texts, values = dict[str, str](), dict[str, tuple[str, ...]]()
    if takes_settings:
        for group in groups(SCHEMAS[name]):
            if group.short or group.optional:
                texts[group.name] = group.text
                if group.optional:
                    values[group.name] = ("null",)
        for setting in _settings(name):
            texts[setting.name] = setting.text
            if named := _values(setting):
                values[setting.name] = named
    return VerbWords(name, help_, tuple(options), tuple(words), texts, values, files)


def recipes_of(verb: str) -> list[str]:
    """The shipped recipes that a verb takes."""
    kinds = RECIPES_OF.get(verb)
    return [name for name in shipped_recipes() if kinds is None or verb_of(read_recipe(name)) in kinds]


def _settings(verb: str) -> list[Described]:
    """The settings of a verb, options of methods included: the first of each name."""
    found = settings_of(verb)
    if verb in TAKE_METHODS:
        found += [option for _, option in options_of_methods()]
    return list({setting.name: setting for setting in reversed(found)}.values())[::-1]


def _values(setting: Described) -> tuple[str, ...]:
    return tuple(METHODS) if setting.name == "method" else setting.choices


def _names_and_groups() -> list[str]:
    names = {setting.name for verb in SCHEMAS for setting in _settings(verb)}
    return sorted(names | {name.rpartition(".")[0] for name in names if "." in name})
