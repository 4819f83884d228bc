"""``codo recipes NAME --show`` and ``--against``: all settings of a recipe, after its base recipes and the defaults.

Settings that have neither a value nor a default (the data, the folder to write) are left out, and named at the top.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import BaseModel, TypeAdapter

from codo.command_line.described import group_of
from codo.command_line.schemas import GIVEN_OTHERWISE, SCHEMAS
from codo.core.config import Settings, flatten, read_recipe, resolve
from codo.core.errors import InputError
from codo.methods.registry import find_method

TAKE_RECIPES = ("pretrain", "finetune", "compare")
_GIVEN_LATER = "-"
"""Stands for the value of a setting that the user gives later."""


def accepting_verb(recipe: str) -> str:
    """The first verb whose settings include those of a recipe.

    Raises:
        InputError: Unknown recipe, or settings that no verb has together.
    """
    values = read_recipe(recipe)
    for verb in TAKE_RECIPES:
        if values.keys() <= SCHEMAS[verb].model_fields.keys():
            return verb
    fewest = min(TAKE_RECIPES, key=lambda verb: len(values.keys() - SCHEMAS[verb].model_fields.keys()))
    foreign = sorted(values.keys() - SCHEMAS[fewest].model_fields.keys())
    what = f"no verb takes a recipe with these settings: {', '.join(foreign)}"
    raise InputError(what, where=recipe, fix=f"codo settings {foreign[0]} tells where it belongs")


def resolved_text(recipe: str) -> str:
    """The YAML.

    Args:
        recipe: Name of a shipped recipe, or a YAML file.

    Raises:
        InputError: Unknown recipe, or invalid settings.
    """
    verb, values = accepting_verb(recipe), read_recipe(recipe)
    open_ = missing(verb, values)
    settings = _resolved(recipe, verb)
    lines = [f"# {recipe}: every setting of codo {verb}, after its base recipes and the defaults."]
    pools = values["pools"] if isinstance(values.get("pools"), Mapping) else {}
    left = [*open_, *(f"pools.{pool}" for pool, folder in pools.items() if folder is None)]
    if left:
        lines.append(f"# To be given as well: {', '.join(left)}.")
    for name in type(settings).model_fields:
        if name in open_ or name in GIVEN_OTHERWISE.get(verb, ()):
            continue
        if name == "pools" and pools:
            lines += keyed(name, pools, "")  # with those that the recipe leaves open, which are null
        else:
            lines += lines_of(settings, name)
    return "\n".join(lines)


def difference_text(recipe: str, other: str) -> str:
    """The settings in which two recipes of one verb differ, a line each: setting, value in the first, in the second.

    Args:
        recipe: Name of a shipped recipe, or a YAML file.
        other: Likewise.

    Raises:
        InputError: Unknown recipe, invalid settings, or recipes of different verbs.
    """
    verb, another = accepting_verb(recipe), accepting_verb(other)
    if verb != another:
        what = f"'{recipe}' is a recipe of codo {verb}, and '{other}' one of codo {another}"
        raise InputError(what, where="--against", fix="name two recipes of one verb; codo recipes lists them by verb")
    first, second = (flatten(_resolved(name, verb).model_dump(mode="json")) for name in (recipe, other))
    given = {*missing(verb, read_recipe(recipe)), *missing(verb, read_recipe(other))}
    rows = [
        (name, flow(first.get(name)), flow(second.get(name)))
        for name in dict.fromkeys([*first, *second])
        if first.get(name) != second.get(name) and name.partition(".")[0] not in given
    ]
    if not rows:
        return f"{recipe} and {other} have the same settings"
    rows = [("", recipe, other), *rows]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{name:<{widths[0]}}  {mine:<{widths[1]}}  {theirs}" for name, mine, theirs in rows)


def _resolved(recipe: str, verb: str) -> Settings:
    """A recipe with every setting; what has to be given besides is marked."""
    return resolve(SCHEMAS[verb], recipe, dict.fromkeys(missing(verb, read_recipe(recipe)), _GIVEN_LATER))


def missing(verb: str, values: Mapping[str, Any]) -> list[str]:
    """The settings that must be given besides those of a recipe."""
    fields = SCHEMAS[verb].model_fields
    needed = {name for name, field in fields.items() if field.is_required()}
    if verb == "pretrain" and find_method(values.get("method", "codo")).needs_backgrounds:
        needed.add("backgrounds")
    return [name for name in fields if name in needed and name not in values]


def lines_of(settings: BaseModel, name: str, indent: str = "") -> Iterator[str]:
    """The lines of one setting or group, with the default beside values that differ from it."""
    value, field = getattr(settings, name), type(settings).model_fields[name]
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if name == "backgrounds" and value.query == value.key:
        yield f"{indent}{name}: {flow(value.query)}"
    elif isinstance(value, BaseModel):
        yield f"{indent}{name}:"
        for inner in type(value).model_fields:
            yield from lines_of(value, inner, f"{indent}  ")
    elif isinstance(value, dict) and value:
        yield from keyed(name, value, indent)
    else:
        changed = not field.is_required() and group_of(field) is None and value != default
        yield f"{indent}{name}: {flow(value)}" + (f"  # default: {flow(default)}" if changed else "")


def keyed(name: str, values: Mapping[str, Any], indent: str) -> Iterator[str]:
    """The lines of names that the user chooses, such as ``pools``."""
    yield f"{indent}{name}:"
    for key, value in values.items():
        yield f"{indent}  {flow(key)}: {flow(value)}"


def flow(value: Any) -> str:
    """A value as YAML in one line."""
    if isinstance(value, Settings):
        value = value.model_dump(mode="json")
    plain = TypeAdapter(Any).dump_python(value, mode="json")
    text = yaml.safe_dump(plain, default_flow_style=True, sort_keys=False, width=1_000_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")
