"""``codo recipes``: the shipped recipes with a line each, and one with its comment. Does not import torch."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from codo.core.config import read_recipe, shipped_recipes

TITLES = {
    "pretrain": "Pretraining: codo pretrain -c NAME …, codo plan NAME …",
    "finetune": "Finetuning a detector: codo finetune -c NAME …, and as the protocol of codo compare -c NAME …",
    "compare": "Comparisons and tables: codo compare -c NAME …",
}
_COMMAND = re.compile(r"#\s{3,}\S")
_PLACE = re.compile(r" \([^()]*docs/[^()]*\)")  # where the full text says more
_SENTENCE = re.compile(r"(?<=[\w)])\. (?=[A-Z])")
_SHORTEST = 25


def verb_of(values: Mapping[str, Any]) -> str:
    """The verb that takes a shipped recipe, by what only its settings are; ``values`` are those of `read_recipe`."""
    if "inits" in values:
        return "compare"
    return "finetune" if "short_sides" in values else "pretrain"


def recipe_file(name: str) -> str:
    """The text of a shipped recipe's file."""
    return (resources.files("codo") / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")


def comment_of(text: str) -> str:
    """The first paragraph of the comment at the top of a recipe, in one line."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("# ") or _COMMAND.match(line):
            break
        lines.append(line[2:].strip())
    return " ".join(lines)


def headline(comment: str) -> str:
    """The first sentence of a comment, or two where it is very short; without references to other pages."""
    sentences = _SENTENCE.split(_PLACE.sub("", comment))
    whole = sentences[0]
    if len(whole) < _SHORTEST and len(sentences) > 1:
        whole = f"{whole}. {sentences[1]}"
    return whole.removesuffix(".").removesuffix(":")


def listing(width: int | None = None) -> str:
    """The shipped recipes, grouped by verb.

    Args:
        width: Of a line; ``None`` takes the terminal's, if that is wide enough for a table.
    """
    width = width or max(80, shutil.get_terminal_size((120, 24)).columns)
    names = shipped_recipes()
    verbs = {name: verb_of(read_recipe(name)) for name in names}
    margin = max(map(len, names)) + 4
    lines = []
    for verb, title in TITLES.items():
        lines += [title, ""]
        for name in (one for one in names if verbs[one] == verb):
            title = f"  {name:<{margin - 2}}"
            said = headline(comment_of(recipe_file(name)))
            lines += textwrap.wrap(
                said, width, initial_indent=title, subsequent_indent=" " * margin, break_on_hyphens=False
            )
        lines.append("")
    lines += ["codo recipes NAME           prints a recipe with its comment and the settings that it changes"]
    lines += ["codo recipes NAME --show    prints all settings as a file for -c, defaults included"]
    lines += ["codo recipes NAME --against OTHER    prints the settings in which they differ"]
    return "\n".join(lines)


def text_of(recipe: str) -> str:
    """The file of a recipe as it is.

    Raises:
        InputError: Unknown recipe.
    """
    read_recipe(recipe)
    path = Path(recipe)
    return (path.read_text(encoding="utf-8") if path.is_file() else recipe_file(path.stem)).rstrip()
