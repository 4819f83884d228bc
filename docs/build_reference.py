"""Write docs/reference/settings.md from the schemas; ``--check`` only tells whether it is up to date."""

from __future__ import annotations

import sys
import types
import typing
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from codo.comparison.compare_settings import CompareSettings
from codo.detection.finetune import FinetuneSettings
from codo.methods.registry import METHODS
from codo.planning.plan import PlanSettings
from codo.preparation.prepare_settings import PrepareSettings
from codo.training.pretrain_settings import PretrainSettings
from codo.training.probing import ProbeVerbSettings

TARGET = Path(__file__).parent / "reference" / "settings.md"
HEAD = """# Every setting

Made from the schemas by `make reference`; do not edit. Settings are given as `key=value` on the command line, as nested
keys in a recipe, or as keyword arguments in Python. `null` turns an optional group or value off.
"""
VERBS = (
    ("codo pretrain", PretrainSettings),
    ("codo finetune", FinetuneSettings),
    ("codo compare", CompareSettings),
    ("codo plan", PlanSettings),
    ("codo prepare", PrepareSettings),
    ("codo probe", ProbeVerbSettings),
)
ALSO = {
    "codo compare": ("codo finetune", FinetuneSettings, "but `weights` and `seed`, and"),
    "codo plan": ("codo pretrain", PretrainSettings, "(`foregrounds` and `out` may be left out), and"),
}
"""Verb -> the verb whose settings it has too, which are not listed again, and what to say of them."""


def main() -> int:
    """Write or check the page."""
    parts = [HEAD]
    for verb, schema in VERBS:
        parts += [f"\n## {verb}\n"]
        known, others = set[str](), ALSO.get(verb)
        if others:
            parts += [f"Every setting of `{others[0]}` {others[2]}\n"]
            known = set(others[1].model_fields)
        parts += ["| setting | type | default | what it does |\n|---|---|---|---|"]
        parts += [row for name, row in named_rows(schema) if name not in known]
    for name, method in METHODS.items():
        if method.Options.model_fields:
            parts += [
                f"\n## Options of method `{name}`\n",
                "| setting | type | default | what it does |",
                "|---|---|---|---|",
            ]
            parts += list(rows(method.Options, "options."))
    text = "\n".join(parts) + "\n"
    if "--check" in sys.argv:
        if TARGET.read_text(encoding="utf-8") != text:
            print(f"{TARGET.name} is out of date: run `make reference`", file=sys.stderr)
            return 1
        return 0
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")
    return 0


def named_rows(schema: type[BaseModel]) -> typing.Iterator[tuple[str, str]]:
    """The rows with the top-level setting that each belongs to."""
    for row in rows(schema):
        yield row.split("`")[1].split(".")[0], row


def rows(schema: type[BaseModel], prefix: str = "") -> typing.Iterator[str]:
    """A table row for each setting, groups expanded."""
    for name, field in schema.model_fields.items():
        group = next(
            (kind for kind in kinds(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)), None
        )
        if group is not None:
            yield from rows(group, f"{prefix}{name}.")
            continue
        if not field.description:
            raise SystemExit(f"setting {prefix}{name} has no description")
        text = field.description.replace("|", "\\|")
        yield f"| `{prefix}{name}` | {spelled(field)} | {default(field)} | {text} |"


def kinds(annotation: object) -> tuple[object, ...]:
    """The members of a union, or the type itself."""
    union = typing.get_origin(annotation) in (types.UnionType, typing.Union)
    return typing.get_args(annotation) if union else (annotation,)


def spelled(field: FieldInfo) -> str:
    """A type as a user reads it."""
    words = []
    for kind in kinds(field.annotation):
        while typing.get_origin(kind) is typing.Annotated:
            kind = typing.get_args(kind)[0]
        if typing.get_origin(kind) is typing.Literal:
            words += [str(value) for value in typing.get_args(kind)]
        elif kind is type(None):
            words.append("null")
        elif typing.get_origin(kind) is not None:
            words.append(str(kind).replace("typing.", "").replace("|", "\\|"))
        else:
            words.append(getattr(kind, "__name__", str(kind)))
    return " \\| ".join(words)


def default(field: FieldInfo) -> str:
    """The default value as it would be typed."""
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "`null`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(f'{item:.4g}' if isinstance(item, float) else str(item) for item in value)}]`"
    return f"`{value}`"


if __name__ == "__main__":
    sys.exit(main())
