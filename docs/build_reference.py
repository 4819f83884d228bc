"""Write settings.md, recipes.md and findings.md in docs/reference; ``--check`` says whether they are up to date."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from build_findings import findings_page
from build_recipes import recipes_page
from pydantic import BaseModel

from codo.command_line.described import REQUIRED, Described, described
from codo.command_line.schemas import SCHEMAS
from codo.methods.registry import METHODS, find_method

REFERENCE = Path(__file__).parent / "reference"
HEAD = """# Every setting

Made from the schemas by `make reference`; do not edit. Settings are given as `key=value` on the command line, as nested
keys in a recipe, or as keyword arguments in Python. `null` turns an optional group or value off.
"""
VERBS = ("pretrain", "finetune", "compare", "plan", "prepare", "probe", "evaluate", "view", "convert")
ALSO = {
    "compare": ("finetune", None, "Every setting of `codo finetune` but `weights` and `seed`, and"),
    "plan": ("pretrain", None, "Every setting of `codo pretrain` (`foregrounds` and `out` may be left out), and"),
    "evaluate": ("finetune", {"data"}, "The settings `data.*` of `codo finetune`, and"),
    "view": ("finetune", {"data"}, "For detections, the settings `data.*` of `codo finetune`, and"),
    "convert": ("finetune", {"data"}, "The settings `data.*` of `codo finetune`."),
}
"""Verb -> the verb whose settings it has too, which (``None``: all), and what to say of them; they are listed once."""
TABLE = "| setting | type | default | what it does |\n|---|---|---|---|"


def main() -> int:
    """Write or check the pages."""
    stale = 0
    pages = {"settings.md": settings_page(), "recipes.md": recipes_page(), "findings.md": findings_page()}
    for name, text in pages.items():
        page = REFERENCE / name
        if "--check" not in sys.argv:
            page.write_text(text, encoding="utf-8")
        elif not page.exists() or page.read_text(encoding="utf-8") != text:
            print(f"{name} is out of date: run `make reference`", file=sys.stderr)
            stale = 1
    return stale


def settings_page() -> str:
    """The settings of each verb, then the options of methods."""
    parts = [HEAD]
    for verb in VERBS:
        parts += [f"\n## codo {verb}\n"]
        known = set[str]()
        if verb in ALSO:
            other, which, words = ALSO[verb]
            parts += [f"{words}\n" if words.endswith("and") else words]
            known = set(SCHEMAS[other].model_fields) if which is None else which
        own = list(rows(SCHEMAS[verb], known))
        parts += [TABLE, *own] if own else []
    for name in METHODS:
        options = find_method(name).Options
        if options.model_fields:
            parts += [f"\n## Options of method `{name}`\n", TABLE, *rows(options, prefix="options.")]
    return "\n".join(parts) + "\n"


def rows(schema: type[BaseModel], known: Iterable[str] = (), prefix: str = "") -> Iterator[str]:
    """A table row for each setting but those whose first name is among ``known``."""
    for setting in described(schema, prefix):
        if setting.name.split(".")[0] not in known:
            yield row(setting)


def row(setting: Described) -> str:
    """A row of the table; a bar would end the cell."""
    kind, text = (words.replace("|", "\\|") for words in (setting.type, setting.text))
    default = f"**{REQUIRED}**" if setting.default == REQUIRED else f"`{setting.default}`"
    return f"| `{setting.name}` | {kind} | {default} | {text} |"


if __name__ == "__main__":
    sys.exit(main())
