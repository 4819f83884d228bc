"""The numbers of all finished trials, and the differences between initializations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev

import numpy as np

from codo.comparison.chosen_classes import CHOSEN, measure_name, with_chosen
from codo.comparison.grid import Grid
from codo.comparison.initializations import Initialization
from codo.comparison.pretraining_costs import PretrainingCost, mean_cost, read_cost
from codo.comparison.trials import Key, Result, Trial
from codo.detection.protocol import evaluated_objects
from codo.evaluation.ap_values import KINDS, NAMES, ap_value
from codo.evaluation.statistics import Difference, Floats, paired, without_absent


@dataclass(frozen=True)
class Comparison:
    """A comparison with the results so far; the first initialization is the reference of all others.

    Attributes:
        out: Its folder.
        trials: All trials, finished or not.
        initializations: The initializations by name, the reference first.
        evaluated: Number of evaluation images.
        results: Results of the finished trials.
        failures: Reasons of the failed trials.
        costs: Cost of the pretraining of each initialization, mean over the seeds, where it is known.
        published: Table of the paper to show as well, if any.
        notes: Sentences on the data, and on pretrainings that are unfinished or failed.
        metric: The number that the verdicts are about.
        classes: The classes whose mean AP the verdicts are about; empty: ``metric`` of all classes.
        objects: Number of evaluated objects of each class.
        planned: All seeds of the command; empty: those of ``trials``.
    """

    out: Path
    trials: Sequence[Trial]
    initializations: Mapping[str, Initialization]
    evaluated: int
    results: Mapping[Key, Result]
    failures: Mapping[Key, str] = field(default_factory=dict)
    costs: Mapping[str, PretrainingCost] = field(default_factory=dict)
    published: str | None = None
    notes: Sequence[str] = ()
    metric: str = "AP"
    classes: Sequence[str] = ()
    objects: Mapping[str, int] = field(default_factory=dict)
    planned: Sequence[int] = ()

    @classmethod
    def read(cls, grid: Grid, failures: Mapping[Key, str], notes: Sequence[str] = ()) -> Comparison:
        """Read the files of the trials and pretrainings."""
        results = {trial.key: result for trial in grid.trials if (result := trial.result()) is not None}
        if grid.classes and grid.val is not None:
            done = {trial.key: trial for trial in grid.trials}
            results = {key: with_chosen(done[key], one, grid.classes, grid.val) for key, one in results.items()}
        means = {init: mean_cost(map(read_cost, one.weights)) for init, one in grid.initializations.items()}
        costs = {init: cost for init, cost in means.items() if cost is not None}
        return cls(
            grid.out,
            grid.trials,
            grid.initializations,
            grid.evaluated,
            results,
            dict(failures),
            costs,
            grid.published,
            (*grid.notes, *notes),
            grid.metric,
            grid.classes,
            {} if grid.val is None else evaluated_objects(grid.val),
            grid.planned,
        )

    @property
    def judged(self) -> str:
        """Name, among the numbers of a trial, of the one that the verdicts are about."""
        return CHOSEN if self.classes else self.metric

    @property
    def judged_words(self) -> str:
        """The number that the verdicts are about, in words."""
        return measure_name(self.metric, self.classes)

    @property
    def inits(self) -> list[str]:
        """Names of the initializations, the reference first."""
        return list(self.initializations)

    @property
    def reference(self) -> str:
        """The initialization that the others are compared with."""
        return self.inits[0]

    @property
    def challengers(self) -> list[str]:
        """All initializations but the reference."""
        return self.inits[1:]

    @property
    def fractions(self) -> list[float]:
        """Label fractions, the smallest first."""
        return sorted({trial.fraction for trial in self.trials})

    @property
    def seeds(self) -> list[int]:
        """All seeds."""
        return sorted({trial.seed for trial in self.trials})

    @property
    def kinds(self) -> list[str]:
        """``bbox`` and, where there are masks, ``segm``."""
        return [kind for kind in KINDS if any(kind in result.numbers for result in self.results.values())]

    @property
    def measures(self) -> list[tuple[str, str]]:
        """``(kind, name)`` of every number that a trial has: COCO's in their order, then others such as VOC's."""
        present = {(kind, name) for one in self.results.values() for kind, of in one.numbers.items() for name in of}
        coco = [(kind, name) for kind in KINDS for name in NAMES if (kind, name) in present]
        return coco + sorted(present - set(coco))

    @property
    def class_measures(self) -> list[tuple[str, str]]:
        """``(kind, class)`` of every AP of a class that a trial has, in the order of the data."""
        present = {
            (kind, name): None for one in self.results.values() for kind, of in one.classes.items() for name in of
        }
        return [pair for kind in KINDS for pair in present if pair[0] == kind]

    @property
    def missing(self) -> list[Trial]:
        """Trials that are not finished."""
        return [trial for trial in self.trials if trial.key not in self.results]

    def state(self, trial: Trial) -> str:
        """``finished``, ``failed`` or ``missing``."""
        return "finished" if trial.key in self.results else "failed" if trial.key in self.failures else "missing"

    def images(self, fraction: float) -> list[int]:
        """Number of labeled images of a fraction, for each seed: draws differ in images without objects."""
        return [trial.images for trial in self.trials if trial.fraction == fraction and trial.init == self.reference]

    def values(self, init: str, fraction: float, name: str = "AP", kind: str = "bbox") -> dict[int, float]:
        """Seed -> number in [0, 1], without seeds that do not have it or have -1 (no such object)."""
        found = {s: ap_value(r.numbers, kind, name) for s, r in self._by_seed(init, fraction).items()}
        return {s: value for s, value in found.items() if value is not None}

    def class_values(self, init: str, fraction: float, class_name: str, kind: str = "bbox") -> dict[int, float]:
        """Seed -> AP of a class in [0, 1], without seeds that do not have it."""
        results = self._by_seed(init, fraction).items()
        return {s: r.classes[kind][class_name] for s, r in results if class_name in r.classes.get(kind, {})}

    def difference(
        self, init: str, name: str = "AP", kind: str = "bbox", fractions: Sequence[float] = ()
    ) -> Difference | None:
        """Difference of an initialization to the reference, paired by seed and by evaluation image.

        Args:
            init: The initialization.
            name: Name of the number.
            kind: ``bbox`` or ``segm``.
            fractions: Label fractions to average over; by default all.

        Returns:
            ``None`` if no seed has both initializations at all these fractions.
        """
        at = fractions or self.fractions
        return self._paired([(init, one) for one in at], [(self.reference, one) for one in at], name, kind)

    def growth(self, init: str, name: str = "AP") -> Difference | None:
        """Gain of the largest label fraction over the second largest; ``None`` if no seed has both, or there is one."""
        *_, low, high = [None, *self.fractions]
        return None if low is None else self._paired([(init, high)], [(init, low)], name, "bbox")

    def _paired(
        self, candidate: Sequence[tuple[str, float]], reference: Sequence[tuple[str, float]], name: str, kind: str
    ) -> Difference | None:
        """Difference of the means over (initialization, label fraction); ``None`` if no seed has them all."""
        sides = [[self.values(*one, name, kind) for one in side] for side in (candidate, reference)]
        values = paired(*sides)
        if not values:
            return None
        draws = paired(*([self._resampled(*one, name, kind) for one in side] for side in (candidate, reference)))
        seeds = set.intersection(*(set(value) for side in sides for value in side))
        high, low = (fmean(value[seed] for value in side for seed in seeds) for side in sides)
        return Difference.of(values, np.mean(draws, axis=0) if len(draws) == len(values) else None, (high, low))

    def _resampled(self, init: str, fraction: float, name: str, kind: str) -> dict[int, Floats]:
        """Seed -> the number on every resample of the evaluation images; NaN on those without any such object."""
        results = self._by_seed(init, fraction).items()
        found = {s: r.resampled[kind][name] for s, r in results if name in r.resampled.get(kind, {})}
        return {seed: without_absent(values) for seed, values in found.items()}

    def _by_seed(self, init: str, fraction: float) -> dict[int, Result]:
        """Seed -> result of a finished trial."""
        return {s: self.results[key] for s in self.seeds if (key := (init, fraction, s)) in self.results}


def mean_and_spread(values: Mapping[int, float]) -> tuple[float | None, float | None]:
    """Mean and sample standard deviation; ``None`` where there are too few values."""
    known = list(values.values())
    return (fmean(known) if known else None), (stdev(known) if len(known) > 1 else None)
