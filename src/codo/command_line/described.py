"""Settings as a reader sees them: name, type, default, and what they do, from the schemas.

Both `codo settings` and the reference page (``docs/build_reference.py``) are made from it.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

REQUIRED = "required"
_BOUNDS = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))


class Described(NamedTuple):
    """One setting.

    Attributes:
        name: With its groups: ``cpj.jitter``.
        type: As a user reads it: ``auto | float``.
        bounds: Such as ``at least 0, at most 1``; may be empty.
        default: As it would be typed, or ``required``.
        text: What it does.
        choices: The values, where only these can be given, or some values that have a name.
        keyed: Whether it holds further names: ``pools.NAME=…``.
    """

    name: str
    type: str
    bounds: str
    default: str
    text: str
    choices: tuple[str, ...]
    keyed: bool


def described(schema: type[BaseModel], prefix: str = "") -> Iterator[Described]:
    """Every setting of a schema, groups expanded.

    Raises:
        ValueError: A setting has no description.
    """
    for name, field in schema.model_fields.items():
        if (group := group_of(field)) is not None:
            yield from described(group, f"{prefix}{name}.")
            continue
        if not field.description:
            raise ValueError(f"setting {prefix}{name} has no description")
        kinds = [_plain(kind) for kind in _members(field.annotation)]
        keyed = any(typing.get_origin(kind) is dict for kind in kinds)
        name = f"{prefix}{name}"
        yield Described(name, _type(kinds), _bounds(field), _default(field), field.description, _choices(kinds), keyed)


class Group(NamedTuple):
    """A group of settings.

    Attributes:
        name: With the groups around it: ``probe.data``.
        text: What it is, if its field says so.
        short: Whether it can be given as one value as well: ``data=FOLDER``.
        optional: Whether ``null`` turns it off.
    """

    name: str
    text: str
    short: bool
    optional: bool


def groups(schema: type[BaseModel], prefix: str = "") -> Iterator[Group]:
    """Every group of a schema, each before those inside it."""
    for name, field in schema.model_fields.items():
        if (group := group_of(field)) is not None:
            optional = type(None) in _members(field.annotation)
            yield Group(f"{prefix}{name}", field.description or "", _takes_text(group), optional)
            yield from groups(group, f"{prefix}{name}.")


def _takes_text(group: type[BaseModel]) -> bool:
    try:
        group.model_validate("folder")
    except ValidationError:
        return False
    return True


def group_of(field: FieldInfo) -> type[BaseModel] | None:
    """The schema of a group of settings; ``None`` for a single setting."""
    for kind in _members(field.annotation):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _members(annotation: object) -> tuple[object, ...]:
    """The members of a union, or the type itself."""
    union = typing.get_origin(annotation) in (types.UnionType, typing.Union)
    return typing.get_args(annotation) if union else (annotation,)


def _plain(kind: object) -> object:
    while typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    return kind


def _type(kinds: list[object]) -> str:
    words = []
    for kind in kinds:
        if typing.get_origin(kind) is typing.Literal:
            words += [str(value) for value in typing.get_args(kind)]
        elif kind is type(None):
            words.append("null")
        elif typing.get_origin(kind) is not None:
            words.append(str(kind).replace("typing.", ""))
        else:
            words.append(getattr(kind, "__name__", str(kind)))
    return " | ".join(words)


def _choices(kinds: list[object]) -> tuple[str, ...]:
    words: list[str] = []
    for kind in kinds:
        if typing.get_origin(kind) is typing.Literal:
            words += [str(value) for value in typing.get_args(kind)]
        elif kind is bool:
            words += ["true", "false"]
    return (*words, "null") if words and type(None) in kinds else tuple(words)


def _bounds(field: FieldInfo) -> str:
    found = {name: getattr(rule, name) for rule in field.metadata for name, _ in _BOUNDS if hasattr(rule, name)}
    return ", ".join(f"{words} {found[name]:g}" for name, words in _BOUNDS if name in found)


def _default(field: FieldInfo) -> str:
    return REQUIRED if field.is_required() else typed(field.get_default(call_default_factory=True))


def typed(value: Any) -> str:
    """A value as it would be typed."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(f'{item:.4g}' if isinstance(item, float) else str(item) for item in value)}]"
    return str(value) or "''"
