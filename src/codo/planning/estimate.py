"""What a plan tells, and how certain each line of it is.

A line is *given* by the user, *calculated* (from the settings and the method), *measured* or *read* elsewhere
(`codo.planning.costs`), *assumed*, or rests on a *target* that nobody has shown to be reached yet. Where a line rests
on several, it is named after the least certain of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

Kind = Literal["given", "calculated", "measured", "read", "assumed", "target"]
CERTAINTY: tuple[Kind, ...] = ("given", "calculated", "measured", "read", "assumed", "target")


def weakest(*kinds: Kind) -> Kind:
    """The least certain of them."""
    return max(kinds, key=CERTAINTY.index)


class Line(NamedTuple):
    """One line of a plan.

    Attributes:
        topic: What it belongs to.
        what: The quantity.
        value: In ``unit``.
        unit: Its unit.
        kind: The least certain of what it rests on.
        how: How it was found.
    """

    topic: str
    what: str
    value: float
    unit: str
    kind: Kind
    how: str


class Estimate(NamedTuple):
    """What a run is expected to cost.

    Attributes:
        lines: All of it.
        sources: Where the numbers come from that were not calculated.
        warnings: What will not work like this, or is not in it.
    """

    lines: list[Line]
    sources: list[str]
    warnings: list[str]

    def line(self, topic: str, what: str) -> Line:
        """The line of a quantity."""
        return next(line for line in self.lines if (line.topic, line.what) == (topic, what))

    def text(self) -> str:
        """One screen."""
        rows, before = [], ""
        for topic, what, value, unit, kind, how in self.lines:
            rows.append((topic if topic != before else "", what, short(value), unit, kind, how))
            before = topic
        return "\n".join([*table(rows), "", *self.sources, *(f"! {warning}" for warning in self.warnings)])


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of text in columns, each as wide as its widest cell; the third holds numbers and is set to the right."""
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = ["<", "<", ">", "<", "<", "<"]
    return [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, wide, strict=True)).rstrip()
        for row in rows
    ]


def short(value: float) -> str:
    """Three digits, or all of a whole number."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
