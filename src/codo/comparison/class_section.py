"""The section of a comparison's page on single classes."""

from __future__ import annotations

from codo.comparison.comparison import Comparison
from codo.core.numbers import mean_spread, share
from codo.detection.protocol import RARE
from codo.evaluation.ap_values import KINDS, SINGULAR
from codo.reporting.html.blocks import Block, Details, Table


def class_blocks(comparison: Comparison) -> list[Block]:
    """The AP of every class at the largest label fraction, folded; empty without numbers by class."""
    fraction = comparison.fractions[-1]
    blocks: list[Block] = []
    for kind in KINDS:
        names = [name for of, name in comparison.class_measures if of == kind]
        if not names:
            continue
        rows = [
            [
                name,
                _objects(comparison.objects.get(name)),
                *(
                    mean_spread(list(comparison.class_values(init, fraction, name, kind).values()))
                    for init in comparison.inits
                ),
            ]
            for name in names
        ]
        caption = (
            f"AP × 100 of each class at {share(fraction)} of the labels, mean ± sample standard deviation over the "
            f"seeds. The AP of a class with fewer than {RARE} evaluated objects says little."
        )
        table = Table(["Class", "Evaluated objects", *comparison.inits], rows, caption)
        blocks.append(Details(f"{SINGULAR[kind].capitalize()} AP by class ({len(names)})", [table]))
    return blocks


def _objects(count: int | None) -> str:
    if count is None:
        return "–"
    return f"{count:,}" + (" (few)" if count < RARE else "")
