"""Reference and ours in turn, item by item, so that a busy machine slows both alike.

Time is that of the process on the processor where one thread works: what others do on the machine then costs neither
side its core, only some of its cache and clock. Wall-clock time is taken where several processes work together.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from benchmarks.row import Spread

Work = Callable[[Any], object]
Clock = Callable[[], float]


class Pair(NamedTuple):
    """Seconds of both sides, an entry an item: the median over the rounds."""

    reference: list[float]
    ours: list[float]

    def spreads(self, unit_s: float) -> dict[str, Spread]:
        """``reference``, ``ours`` and ``ratio`` for a `Row`, with times in units of ``unit_s`` seconds."""
        ratios = [a / b for a, b in zip(self.reference, self.ours, strict=True)]
        return {
            "reference": Spread.of([s / unit_s for s in self.reference]),
            "ours": Spread.of([s / unit_s for s in self.ours]),
            "ratio": Spread.of(ratios),
        }


def alternate(
    reference: Work, ours: Work, items: Sequence[Any], *, rounds: int = 1, clock: Clock = time.process_time
) -> Pair:
    """Time both sides on every item in turn, all items ``rounds`` times."""
    times = [([], []) for _ in items]  # type: list[tuple[list[float], list[float]]]
    for _ in range(rounds):
        for item, (slow, fast) in zip(items, times, strict=True):
            slow.append(timed(reference, item, clock=clock))
            fast.append(timed(ours, item, clock=clock))
    return Pair([statistics.median(s) for s, _ in times], [statistics.median(f) for _, f in times])


def timed(work: Work, item: Any, *, clock: Clock = time.process_time) -> float:
    """Seconds that one call takes."""
    start = clock()
    work(item)
    return clock() - start
