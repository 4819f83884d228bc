"""The page docs/reference/recipes.md: every shipped recipe with its text. `build_reference` writes and checks it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from codo.command_line.recipe_list import TITLES, comment_of, headline, recipe_file, verb_of
from codo.core.config import read_recipe, shipped_recipes

HEAD = """# Every recipe

Made from `src/codo/recipes/` by `make reference`; do not edit. A recipe is a file of settings for `-c`; what it leaves
open has its [default](settings.md). `base:` names the recipe that it changes. `codo recipes NAME --show` prints all
settings of one, `codo settings NAME` explains a setting ([more](../how-to/command-line.md)).
"""
_PLACE = re.compile(r"docs/([\w/-]+\.md)((?:#[\w-]+)?)")


def recipes_page() -> str:
    """The page: for each verb a list, then the files."""
    texts = {name: recipe_file(name) for name in shipped_recipes()}
    verbs = {name: verb_of(read_recipe(name)) for name in texts}
    parts = [HEAD]
    for verb, title in TITLES.items():
        mine = {name: text for name, text in texts.items() if verbs[name] == verb}
        parts += [f"\n## {title.partition(':')[0]}\n", "| recipe | |\n|---|---|"]
        parts += [f"| [`{name}`](#{name}) | {headline(comment_of(text))} |" for name, text in mine.items()]
        for name, text in mine.items():
            parts += [f"\n### {name}\n", *references(text), f"```yaml\n{text.rstrip()}\n```"]
    return "\n".join(parts) + "\n"


def references(text: str) -> Iterator[str]:
    """The recipe below this one, and the pages that its comments cite, as links: the text of a file has none."""
    base = yaml.safe_load(text).get("base")
    pages = dict.fromkeys(_PLACE.findall(text))
    said = [f"Changes [`{base}`](#{base})."] if base else []
    said += [f"See {', '.join(f'[{page}{place}](../{page}{place})' for page, place in pages)}."] if pages else []
    if said:
        yield " ".join(said) + "\n"
