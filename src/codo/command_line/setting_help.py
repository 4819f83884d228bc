"""``codo settings NAME``: one setting or group explained, with the shipped recipes that set it."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from codo.command_line.described import REQUIRED, Described, groups, typed
from codo.command_line.recipe_list import verb_of
from codo.command_line.schemas import SCHEMAS, TAKE_METHODS, options_of_methods, settings_of
from codo.core.config import nearest_setting, read_recipe, shipped_recipes
from codo.core.errors import InputError
from codo.core.renamed import new_name

_OPTIONS = "options"
_ABSENT = object()
_LONGEST = 160
"""Characters of a recipe's value that are shown; `inits` can be very long."""


class Entry(NamedTuple):
    """A setting, the verbs that take it in this form, and for an option the methods that have it."""

    setting: Described
    verbs: tuple[str, ...]
    methods: tuple[str, ...] = ()

    def title(self) -> str:
        """The verbs and methods in words."""
        verbs = ", ".join(f"codo {verb}" for verb in self.verbs)
        return f"{verbs} with method={' or '.join(self.methods)}" if self.methods else verbs


def entries() -> list[Entry]:
    """Every setting of every verb; one that several verbs have in the same form is one entry."""
    takers: dict[Described, list[str]] = {}
    for verb in SCHEMAS:
        for setting in settings_of(verb):
            takers.setdefault(setting, []).append(verb)
    methods: dict[Described, list[str]] = {}
    for method, option in options_of_methods():
        methods.setdefault(option, []).append(method)
    found = [Entry(setting, tuple(verbs)) for setting, verbs in takers.items()]
    return found + [Entry(option, TAKE_METHODS, tuple(names)) for option, names in methods.items()]


def explain(given: str | None = None, width: int | None = None) -> str:
    """What ``codo settings`` prints.

    Args:
        given: A setting, a group, or the last part of settings' names; ``None`` for an overview.
        width: Of a line; ``None`` takes the terminal's.

    Raises:
        InputError: There is no such setting.
    """
    width = width or max(60, min(120, shutil.get_terminal_size((120, 24)).columns))
    if given is None:
        return overview(width)
    known = entries()
    name = given.partition("=")[0].rstrip(".")
    parts = [single(entry, width) for entry in known if entry.setting.name == name]
    parts += grouped(name, [entry for entry in known if entry.setting.name.startswith(f"{name}.")], width)
    if parts:
        return "\n\n".join(parts)
    if last := [entry for entry in known if entry.setting.name.endswith(f".{name}")]:
        return "\n\n".join(single(entry, width) for entry in last)
    if renamed := new_name(name):
        raise InputError(f"setting '{name}' is now called '{renamed}'", where=name, fix=f"codo settings {renamed}")
    of_the_user = [e for e in known if e.setting.keyed and name.startswith(f"{e.setting.name}.")]
    if of_the_user and not name.startswith(f"{_OPTIONS}."):
        return "\n\n".join(single(entry, width) for entry in of_the_user)
    names = list(dict.fromkeys(entry.setting.name for entry in known))
    names += sorted({name.rpartition(".")[0] for name in names} - {""})
    fix = nearest_setting(name, names) or "codo settings lists the groups"
    raise InputError(f"unknown setting '{name}'", where="codo settings", fix=fix)


def overview(width: int) -> str:
    """The groups and the other settings of each verb."""
    parts = []
    for verb in SCHEMAS:
        names = [setting.name for setting in settings_of(verb)]
        groups = list(dict.fromkeys(name.partition(".")[0] for name in names if "." in name))
        lines = [f"codo {verb}"]
        for title, listed in (("groups", groups), ("others", [name for name in names if "." not in name])):
            if listed:
                lines += _hanging(f"  {title}:  ", ", ".join(listed), width)
        parts.append("\n".join(lines))
    parts.append("codo settings NAME explains a setting (cpj.jitter) or lists a group (cpj).")
    return "\n\n".join(parts)


def single(entry: Entry, width: int) -> str:
    """One setting in full."""
    setting = entry.setting
    kind = f"{setting.type}, {setting.bounds}" if setting.bounds else setting.type
    lines = [setting.name, *_hanging("  taken by:  ", entry.title(), width), *_hanging("  type:      ", kind, width)]
    lines += _hanging(
        "  default:   ", "none: it must be given" if setting.default == REQUIRED else setting.default, width
    )
    lines += _hanging("  meaning:   ", setting.text, width)
    title = "  recipes:   "
    for value, recipes in set_by(entry).items():
        lines += _hanging(
            title, f"{textwrap.shorten(value, _LONGEST, placeholder=' …')} in {', '.join(recipes)}", width, further=2
        )
        title = " " * len(title)
    return "\n".join(lines)


def grouped(name: str, members: list[Entry], width: int) -> Iterator[str]:
    """A paragraph for each of the settings that are called ``name`` and have the same verbs."""
    takers = list(dict.fromkeys((entry.verbs, entry.methods) for entry in members))
    for verbs, methods in takers:
        those = [entry for entry in members if (entry.verbs, entry.methods) == (verbs, methods)]
        lines = [f"{name}: {len(those)} setting{'s' * (len(those) > 1)} of {those[0].title()}"]
        texts = [] if methods else [group.text for group in groups(SCHEMAS[verbs[0]]) if group.name == name]
        lines += [line for text in texts for line in _hanging("  ", text, width)]
        for setting in (entry.setting for entry in those):
            default = REQUIRED if setting.default == REQUIRED else f"default {setting.default}"
            lines += [f"  {setting.name}  ({setting.type}; {default})", *_hanging(" " * 6, setting.text, width)]
        yield "\n".join(lines)


def set_by(entry: Entry) -> dict[str, list[str]]:
    """Value -> the shipped recipes that set it, with the initializations of a comparison for which they do."""
    found: dict[str, dict[str, list[str]]] = {}
    for recipe in shipped_recipes():
        values = read_recipe(recipe)
        for place, own in _parts(verb_of(values), values, entry):
            if (value := _look_up(own, entry.setting.name)) is not _ABSENT:
                places = found.setdefault(_spelled(value), {}).setdefault(recipe, [])
                places += [place] if place else []
    return {
        value: [f"{recipe} ({', '.join(places)})" if places else recipe for recipe, places in recipes.items()]
        for value, recipes in found.items()
    }


def _parts(verb: str, values: Mapping[str, Any], entry: Entry) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The parts of a recipe that hold settings of the verbs of an entry, with a name if they are not all of it."""
    if verb in entry.verbs:
        if not entry.methods or values.get("method", "codo") in entry.methods:
            yield "", values
    elif verb == "compare" and "pretrain" in entry.verbs:
        shared, inits = (
            values[name] if isinstance(values.get(name), Mapping) else {} for name in ("pretrain", "inits")
        )
        for place, own in (("pretrain", shared), *((f"inits.{name}", one) for name, one in inits.items())):
            if isinstance(own, Mapping) and (not entry.methods or _method(own, shared) in entry.methods):
                yield place, own


def _method(own: Mapping[str, Any], shared: Mapping[str, Any]) -> str:
    """The method of an initialization: named by itself or its recipe, else by what all of a comparison share."""
    for values in (own, shared):
        if "method" in values:
            return str(values["method"])
        if "recipe" in values:
            return str(read_recipe(values["recipe"]).get("method", "codo"))
    return "codo"


def _look_up(values: Any, name: str) -> Any:
    for part in name.split("."):
        if not isinstance(values, Mapping) or part not in values:
            return _ABSENT
        values = values[part]
    return values


def _spelled(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_spelled(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_spelled, value))}]"
    if isinstance(value, float):
        return f"{value:g}"
    return typed(value)


def _hanging(title: str, text: str, width: int, further: int = 0) -> list[str]:
    """Text after a title, its further lines below its beginning."""
    indent = " " * (len(title) + further)
    return textwrap.wrap(
        text, width, initial_indent=title, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )
