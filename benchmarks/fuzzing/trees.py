"""Mutants of nested lists and dictionaries: of COCO files, recipes and headers."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

DEEP = "<deep>"
"""Stands for thousands of brackets inside of each other, which no tree could hold; see `deepened`."""

_NUMBERS = ("9" * 5000, "1e400", "-0", "NaN", "Infinity", "0x10", "1_000", "1e-400", "12:30:45", "0.1.2")


def mutate_tree(rng: Random, tree: Any, values: Sequence[object]) -> Any:
    """A copy with one to four places changed."""
    tree = copy.deepcopy(tree)
    for _ in range(rng.choice((1, 1, 2, 4))):
        spots = list(_spots(tree))
        if not spots:
            return rng.choice(values)
        container, key = rng.choice(spots)
        what = rng.randrange(8)
        if what < 3:
            container[key] = copy.deepcopy(rng.choice(values))
        elif what == 3:
            del container[key]
        elif what == 4:
            other, there = rng.choice(spots)
            container[key] = copy.deepcopy(other[there]) if _has(other, there) else None
        elif what == 5:
            container[key] = rng.choice(([container[key]], {"a": container[key]}, [container[key]] * 50))
        elif what == 6 and isinstance(container, dict):
            container[rng.choice((str(rng.choice(values))[:50], "id", "path", "base", "size"))] = container.pop(key)
        elif what == 6:
            container.insert(key, copy.deepcopy(container[key]))
        elif rng.random() < 0.1:
            container[key] = DEEP
        else:
            container[key] = f"<{rng.choice(_NUMBERS)}>"
    return tree


def _has(container: Any, key: Any) -> bool:
    return key in container if isinstance(container, dict) else key < len(container)


def _spots(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with every key of it."""
    items = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree)) if isinstance(tree, list) else []
    for key, inner in items:
        yield tree, key
        yield from _spots(inner)


def json_text(rng: Random, tree: Any) -> bytes:
    """A tree as JSON, with its marks made numbers and brackets, in an encoding that JSON may have."""
    text = deepened(rng, json.dumps(tree, ensure_ascii=rng.random() < 0.5))
    return text.encode(rng.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32-le")), "surrogatepass")


def deepened(rng: Random, text: str) -> str:
    """The text with numbers and brackets in the place of their marks."""
    for number in _NUMBERS:
        text = text.replace(f'"<{number}>"', number).replace(f"'<{number}>'", number).replace(f"<{number}>", number)
    depth = rng.choice((50, 900, 5000, 100_000))
    opened, closed = rng.choice((("[", "]"), ('{"a":', "}")))
    whole = opened * depth + "1" + closed * rng.choice((depth, 0))
    return text.replace(f'"{DEEP}"', whole).replace(f"'{DEEP}'", whole).replace(DEEP, whole)
