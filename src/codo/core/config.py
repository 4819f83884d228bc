"""Recipes: YAML files and ``key=value`` overrides, merged and checked against a schema.

A schema is a frozen pydantic model (`Settings`), defined in the module of the component that it configures. This module
is independent of all schemas: it only loads, merges, checks and compares. A recipe may extend another one::

    base: codo_200ep        # a shipped recipe or a path relative to this file
    views: 4
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from codo.core.errors import DAMAGE, InputError, first_line, nearest
from codo.core.renamed import ADDED, new_name, upgrade
from codo.core.text import decode_text

SHORT = ""
"""Key of the text of a group that is given in short form (``data=FOLDER``) and by settings (``data.fraction=0.1``)."""


class Settings(BaseModel):
    """Base of every schema: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
    instead: ClassVar[Mapping[str, str]] = {}
    """Names that users try because other verbs have them -> the setting of this schema with that purpose."""

    @classmethod
    def from_record(cls, text: str, group: str = "") -> Self:
        """Parse settings from the JSON of a file, which may use the names of an earlier version.

        Args:
            text: The JSON.
            group: Name of the group of these settings, such as ``model``.

        Raises:
            ValueError: Not JSON, or JSON that does not fit the schema.
        """
        return cls.model_validate(upgrade({group: json.loads(text)})[group])


S = TypeVar("S", bound=Settings)


def shipped_recipes() -> list[str]:
    """Names of the recipes that are installed with the package, sorted."""
    folder = resources.files("codo") / "recipes"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def read_recipe(recipe: str | Path, *, relative_to: Path | None = None, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Read a recipe, following its ``base`` chain.

    Args:
        recipe: Name of a shipped recipe, or a path to a YAML file.
        relative_to: Folder in which a relative path is looked up first (that of the recipe that names it as ``base``).
        above: The recipes that this one is the base of.

    Returns:
        The merged values as nested dictionaries, without the ``base`` keys.

    Raises:
        InputError: Unknown recipe, or a file that is not a YAML mapping.
    """
    path = _recipe_path(str(recipe), relative_to)
    if path.resolve() in above:
        raise InputError("the recipe is its own base", where=str(path), fix="remove the line base: from one of them")
    values = read_yaml(path)
    base = values.pop("base", None)
    if base is None:
        return values
    return merge(read_recipe(base, relative_to=path.parent, above=(*above, path.resolve())), values)


# The same safe subset of YAML, parsed by libyaml if PyYAML was built with it: twelve times faster for a run's settings.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _recipe_path(recipe: str, relative_to: Path | None) -> Path:
    for candidate in ([relative_to / recipe] if relative_to else []) + [Path(recipe)]:
        with suppress(OSError):  # a name that no file can have
            if candidate.is_file():
                return candidate
    shipped = shipped_recipes()
    name = recipe.removesuffix(".yaml")
    if name in shipped:
        return Path(str(resources.files("codo") / "recipes" / f"{name}.yaml"))
    raise InputError(
        f"unknown recipe '{recipe}'",
        where="-c / recipe",
        fix=nearest(name, shipped) or f"give a YAML file, or one of: {', '.join(shipped)}",
    )


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping from a file.

    Raises:
        InputError: Not readable, not YAML, or not a mapping.
    """
    try:
        values = parse_yaml(decode_text(path.read_bytes()))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).replace("\n", " ")
        raise InputError(f"cannot read the YAML file: {reason}", where=str(path), fix="correct the file") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise InputError("the YAML file does not hold 'key: value' lines", where=str(path), fix="see docs/reference")
    return values


MOST_VALUES, DEEPEST = 1_000_000, 100
"""Values in a YAML text and groups inside of each other. Aliases repeat what they name, or hold themselves, without
taking space in the text; nothing that walks over the values would end."""


def parse_yaml(text: str) -> Any:
    """The values of a YAML text.

    Raises:
        yaml.YAMLError: It is not YAML, or holds values without end, or ones that no Python object can hold.
    """
    depth = 0
    for event in yaml.parse(text, _LOADER):  # first, as PyYAML makes values by recursion without a limit of its own
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise yaml.YAMLError(f"more than {DEEPEST} groups inside of each other")
    try:
        values = yaml.load(text, _LOADER)
    except DAMAGE as error:  # numbers of thousands of digits, months beyond the twelfth, keys that are lists
        raise yaml.YAMLError(f"a value cannot be read: {first_line(error)}") from error
    left, seen = [(values, 0)], 0
    while left:
        value, depth = left.pop()
        if isinstance(value, bytes):  # !!binary, which no setting is, but a free mapping would take
            raise yaml.YAMLError("binary data")
        inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
        seen += len(inner)
        if depth > DEEPEST or seen > MOST_VALUES:
            raise yaml.YAMLError("aliases (*name) that repeat values without end")
        left += [(one, depth + 1) for one in inner]
    return values


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """Turn ``["optim.lr=0.1", "probe=null"]`` into nested dictionaries; values are YAML.

    Raises:
        InputError: An item without ``=``, or a value that is not YAML.
    """
    values: dict[str, Any] = {}
    for item in assignments:
        key, equals, text = item.partition("=")
        if not equals or not key:
            raise InputError(f"'{item}' is not key=value", where="command line", fix="write settings as key=value")
        try:
            values = merge(values, nest({key: parse_yaml(text)}))
        except yaml.YAMLError as error:
            fix = "close every bracket, and quote the whole setting in the shell"
            raise InputError(f"cannot read the value of '{item}'", where="command line", fix=fix) from error
    return values


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Expand dotted keys: ``{"a.b": 1}`` becomes ``{"a": {"b": 1}}``; nested mappings are kept."""
    values: dict[str, Any] = {}
    for dotted, value in flat.items():
        inner: Any = nest(value) if isinstance(value, Mapping) else value
        for part in reversed(str(dotted).split(".")):
            inner = {part: inner}
        values = merge(values, inner)
    return values


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge ``over`` into ``base``, group by group; neither argument is changed.

    A group may also be given in short form, by a text: ``data=FOLDER data.fraction=0.1`` keeps both, the text under
    `SHORT`. An empty group takes the place of the recipe's, unless more of it is given: ``optim.lr_factors={}``
    leaves no factor.
    """
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping) and not value:
            merged[key] = {}
            continue
        if isinstance(old, str) and isinstance(value, Mapping):
            old = {SHORT: old}
        elif isinstance(old, Mapping) and isinstance(value, str):
            value = {SHORT: value}
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The inverse of `nest`: ``{"a": {"b": 1}}`` becomes ``{"a.b": 1}``."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def differences(old: Mapping[str, Any], new: Mapping[str, Any], ignore: Iterable[str] = ()) -> list[str]:
    """``key: old -> new`` for every setting that differs; ``ignore`` holds dotted keys or whole groups.

    A setting that did not exist when ``old`` was recorded has the value of `ADDED`.
    """
    b, skip = flatten(new), tuple(ignore)
    a = {**{key: ADDED[key] for key in b if key in ADDED}, **flatten(old)}
    keys = [k for k in sorted({*a, *b}) if not any(k == s or k.startswith(f"{s}.") for s in skip)]
    return [f"{k}: {a.get(k, 'unset')} -> {b.get(k, 'unset')}" for k in keys if a.get(k) != b.get(k)]


def refuse_other_settings(
    recorded: Mapping[str, Any], wanted: Mapping[str, Any], ignore: Iterable[str], *, what: str, where: str, fix: str
) -> None:
    """Refuse a folder that was created with other settings than the requested ones.

    Args:
        recorded: The settings of the folder.
        wanted: The requested settings.
        ignore: Dotted keys or groups that may differ.
        what: What the folder holds, such as ``out= holds a run``.
        where: The folder.
        fix: How to fix it.

    Raises:
        InputError: The settings differ; up to five differences are shown.
    """
    changed = differences(recorded, wanted, ignore)
    if changed:
        shown = "; ".join(changed[:5]) + ("; …" if len(changed) > 5 else "")
        raise InputError(f"{what} with other settings ({shown})", where=where, fix=fix)


def resolve(schema: type[S], recipe: str | Path | None = None, overrides: Mapping[str, Any] | None = None) -> S:
    """Merge a recipe and overrides, and check them against a schema.

    Args:
        schema: The settings class of the verb.
        recipe: Shipped name or path; ``None`` starts from the schema's defaults.
        overrides: Values that override the recipe, with dotted or nested keys.

    Raises:
        InputError: Unknown keys (with the nearest known one), wrong types, missing values; one error at a time.
    """
    values = read_recipe(recipe) if recipe is not None else {}
    shipped = not Path(str(recipe)).is_file()  # in files of the user, a foreign setting is rather a misspelled one
    if shipped and (foreign := sorted(values.keys() - schema.model_fields.keys())):
        suitable = [name for name in shipped_recipes() if read_recipe(name).keys() <= schema.model_fields.keys()]
        raise InputError(
            f"the recipe '{recipe}' has settings that this command has not: {', '.join(foreign)}",
            where="-c / recipe",
            fix=f"take one of: {', '.join(suitable)}",
        )
    values = merge(values, _paths_as_text(nest(overrides or {})))
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        raise _explain(error, schema) from None


def _paths_as_text(value: Any) -> Any:
    """Replace `Path` objects, and objects with a ``path`` (a catalog, a run), by the text a command line would have."""
    if isinstance(value, Mapping):
        return {key: _paths_as_text(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_paths_as_text(item) for item in value]
    return str(getattr(value, "path", value)) if isinstance(value, Path) or hasattr(value, "path") else value


def schema_keys(schema: type[BaseModel], prefix: str = "") -> list[str]:
    """All dotted keys of a schema, groups included."""
    keys: list[str] = []
    for name, field in schema.model_fields.items():
        keys.append(f"{prefix}{name}")
        for candidate in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                keys += schema_keys(candidate, f"{prefix}{name}.")
    return keys


def nearest_setting(key: str, known: list[str]) -> str:
    """``did you mean 'optim.lr'?`` for the most similar name, or else the most similar last part; may be empty.

    Args:
        key: What was typed.
        known: The names of settings, with their groups.
    """
    leaf = {name.rsplit(".", 1)[-1]: name for name in reversed(known)}
    if hint := nearest(key, known):
        return hint
    if near := nearest(key.rsplit(".", 1)[-1], list(leaf)):
        return near.replace(near.split("'")[1], leaf[near.split("'")[1]])
    return ""


def _explain(error: ValidationError, schema: type[Settings]) -> InputError:
    """Turn a pydantic error into an `InputError`; a misspelled key goes first, as it may explain a missing one."""
    errors = error.errors(include_url=False)
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    key = ".".join(str(part) for part in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        if renamed := new_name(key):
            return InputError(f"setting '{key}' is now called '{renamed}'{more}", where=key, fix=f"write {renamed}=")
        if key in schema.instead:
            what = f"unknown setting '{key}'{more}"
            return InputError(what, where=key, fix=f"did you mean '{schema.instead[key]}'?")
        known = schema_keys(schema)
        hint = nearest_setting(key, known)
        siblings = ", ".join(k for k in known if k.rpartition(".")[0] == key.rpartition(".")[0])
        fix = hint or (f"known: {siblings}" if siblings else "remove it")
        return InputError(f"unknown setting '{key}'{more}", where=key, fix=fix)
    if first["type"] == "missing":
        return InputError(f"setting '{key}' is missing{more}", where=key, fix=f"add {key}=VALUE")
    message = first["msg"].removeprefix("Value error, ")
    given = "" if isinstance(first["input"], dict) else f", got {first['input']!r}"  # a group is too long to repeat
    return InputError(
        f"{key or 'settings'}: {message}{given}{more}", where=key or "settings", fix=f"correct {key or 'them'}"
    )
