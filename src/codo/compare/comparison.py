"""The numbers of all finished cells, and what they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev

from codo.compare.cells import Cell, Numbers
from codo.reporting.comparison import KINDS, SINGULAR, values_of
from codo.reporting.numbers import points, share
from codo.reporting.statistics import LEVEL, Difference, overall, paired


@dataclass(frozen=True)
class Comparison:
    """A comparison as far as it is done; the first initialisation is the reference of all others.

    Attributes:
        out: The folder that it is in.
        cells: All of them, finished or not.
        parts: Initialisation -> what it brings: "backbone, fpn, box_head", or "nothing".
        finished: (initialisation, fraction, seed) -> COCO's numbers, of the cells that are done.
        failures: Cell in words -> why it failed.
    """

    out: Path
    cells: Sequence[Cell]
    parts: Mapping[str, str]
    finished: Mapping[tuple[str, float, int], Numbers]
    failures: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(
        cls, out: Path, cells: Sequence[Cell], parts: Mapping[str, str], failures: Mapping[str, str]
    ) -> Comparison:
        """Read what the cells have left on disk."""
        finished = {cell.key: numbers for cell in cells if (numbers := cell.numbers()) is not None}
        return cls(out, cells, parts, finished, failures)

    @property
    def inits(self) -> list[str]:
        """Names of the initialisations, the reference first."""
        return list(self.parts)

    @property
    def reference(self) -> str:
        """What the others are compared with."""
        return self.inits[0]

    @property
    def fractions(self) -> list[float]:
        """Label fractions, the smallest first."""
        return sorted({cell.fraction for cell in self.cells})

    @property
    def seeds(self) -> list[int]:
        """All seeds."""
        return sorted({cell.seed for cell in self.cells})

    @property
    def kinds(self) -> list[str]:
        """``bbox`` and, where there are masks, ``segm``."""
        return [kind for kind in KINDS if any(kind in numbers for numbers in self.finished.values())]

    @property
    def missing(self) -> list[Cell]:
        """Cells that are not finished."""
        return [cell for cell in self.cells if cell.key not in self.finished]

    def images(self, fraction: float) -> int:
        """Labelled images that a fraction comes to."""
        return next(cell.images for cell in self.cells if cell.fraction == fraction)

    def values(self, init: str, fraction: float, name: str = "AP", kind: str = "bbox") -> dict[int, float]:
        """Seed -> number in [0, 1]; seeds without it (COCO's -1: no such object) are left out."""
        found: dict[int, float] = {}
        for seed in self.seeds:
            numbers = self.finished.get((init, fraction, seed))
            if numbers and (known := values_of([numbers], kind, name)):
                found[seed] = known[0]
        return found

    def difference(self, init: str, fraction: float, name: str = "AP", kind: str = "bbox") -> Difference | None:
        """How far an initialisation is from the reference at one fraction; ``None`` without a common seed."""
        return paired(self.values(init, fraction, name, kind), self.values(self.reference, fraction, name, kind))

    def total(self, init: str, name: str = "AP", kind: str = "bbox") -> Difference | None:
        """How far an initialisation is from the reference over all fractions, a seed counting once."""
        by_fraction = []
        for fraction in self.fractions:
            ours = self.values(init, fraction, name, kind)
            theirs = self.values(self.reference, fraction, name, kind)
            by_fraction.append({seed: ours[seed] - theirs[seed] for seed in ours.keys() & theirs.keys()})
        return overall(by_fraction)

    def challengers(self) -> Iterator[str]:
        """All initialisations but the reference."""
        yield from self.inits[1:]


def summary(comparison: Comparison) -> list[str]:
    """What came out, in plain sentences: one for each initialisation beside the reference, then what is missing."""
    lines = [verdict(comparison, init, kind) for init in comparison.challengers() for kind in comparison.kinds[:1]]
    if not comparison.finished:
        lines = ["No cell is finished yet, so there is nothing to say."]
    elif len(comparison.inits) == 1:
        lines = [f"{comparison.reference} is alone: name a second initialisation to compare it with."]
    if comparison.missing:
        there, wanted = len(comparison.finished), len(comparison.cells)
        lines.append(f"{there} of {wanted} cells are finished; the numbers above are of these alone.")
    lines += [f"Failed: {cell} ({why})." for cell, why in comparison.failures.items()]
    return lines


def verdict(comparison: Comparison, init: str, kind: str = "bbox") -> str:
    """Whether an initialisation differs from the reference beyond noise, over all label fractions together."""
    reference, found = comparison.reference, comparison.total(init, kind=kind)
    if found is None:
        return f"{init} cannot be compared with {reference} yet: no seed has both at every label fraction."
    fractions = comparison.fractions
    where = f" at {share(fractions[0])} of the labels" if len(fractions) == 1 else f", mean of {_fractions(fractions)}"
    gain = f"{points(found.mean)} points of {SINGULAR[kind]} AP{where}"
    if found.low is None or found.high is None:
        return f"{init} against {reference}: {gain}, from one seed, which says nothing about noise. Give more seeds."
    low, high = points(found.low), points(found.high)
    interval = f"{LEVEL:.0%} interval {low} to {high}, {len(found.values)} seeds"
    if found.verdict == "noise":
        return f"No difference beyond noise between {init} and {reference}: {gain} ({interval})."
    side = "ahead of" if found.verdict == "better" else "behind"
    return f"{init} is {side} {reference} beyond noise: {gain} ({interval})."


def mean_and_spread(values: Mapping[int, float]) -> tuple[float | None, float | None]:
    """Mean and sample standard deviation; ``None`` for what the number of values does not give."""
    known = list(values.values())
    return (fmean(known) if known else None), (stdev(known) if len(known) > 1 else None)


def _fractions(fractions: Sequence[float]) -> str:
    named = [share(fraction) for fraction in fractions]
    return f"{', '.join(named[:-1])} and {named[-1]} of the labels"
