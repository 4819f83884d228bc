"""The lines of an estimate, and how certain each of them is.

A line is *given* by the user, *calculated* (from the settings and the method), *measured* or *read* in a publication
(`codo.planning.costs`), *assumed*, or based on a *target* that has not been shown to be reached yet. A line that
depends on several such values has the kind of the least certain one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

Kind = Literal["given", "calculated", "measured", "read", "assumed", "target"]
CERTAINTY: tuple[Kind, ...] = ("given", "calculated", "measured", "read", "assumed", "target")


def weakest(*kinds: Kind) -> Kind:
    """The least certain of several kinds."""
    return max(kinds, key=CERTAINTY.index)


class Line(NamedTuple):
    """One line of an estimate.

    Attributes:
        topic: The group of lines that it belongs to.
        what: The quantity.
        value: Its value, in ``unit``.
        unit: Its unit.
        kind: The least certain kind among the values it depends on.
        how: How it was obtained.
    """

    topic: str
    what: str
    value: float
    unit: str
    kind: Kind
    how: str


class Estimate(NamedTuple):
    """The expected cost of a run.

    Attributes:
        lines: All quantities.
        sources: Sources of the numbers that were not calculated.
        warnings: What will not work with these settings, and what the estimate does not include.
    """

    lines: list[Line]
    sources: list[str]
    warnings: list[str]

    def line(self, topic: str, what: str) -> Line:
        """The line of a quantity."""
        return next(line for line in self.lines if (line.topic, line.what) == (topic, what))

    def text(self) -> str:
        """The estimate as a text table."""
        rows, before = [], ""
        for topic, what, value, unit, kind, how in self.lines:
            rows.append((topic if topic != before else "", what, short(value), unit, kind, how))
            before = topic
        return "\n".join([*table(rows), "", *self.sources, *(f"! {warning}" for warning in self.warnings)])


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align rows of text in columns; the third column holds numbers and is right-aligned."""
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = ["<", "<", ">", "<", "<", "<"]
    return [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, wide, strict=True)).rstrip()
        for row in rows
    ]


def short(value: float) -> str:
    """A number with three significant digits; whole numbers in full."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
