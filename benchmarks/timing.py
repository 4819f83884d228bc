"""Reference and ours in turn, a few items at a time, so that a busy machine slows both alike.

Time is that of the process on the processor where one thread works: what others do on the machine then costs neither
side its core, only some of its cache and clock. Such disturbance only ever adds, so an item counts with its fastest
round. Wall-clock time is taken where several processes work together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from benchmarks.row import Spread

Work = Callable[[Any], object]
Clock = Callable[[], float]


class Pair(NamedTuple):
    """Seconds of both sides, an entry an item: its fastest round."""

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
    reference: Work,
    ours: Work,
    items: Sequence[Any],
    *,
    rounds: int = 1,
    block: int = 1,
    clock: Clock = time.process_time,
) -> Pair:
    """Time both sides on all items, ``rounds`` times.

    Args:
        reference: What is compared with.
        ours: What is to be faster.
        items: Each is given to both sides.
        rounds: How often.
        block: After how many items the sides change. More than one where an item is short: code that has just been
            used runs faster, in daily use as well.
        clock: Seconds.
    """
    times: list[tuple[list[float], list[float]]] = [([], []) for _ in items]
    for _ in range(rounds):
        for start in range(0, len(items), block):
            numbers = range(start, min(start + block, len(items)))
            for side, work in enumerate((reference, ours)):
                for number in numbers:
                    times[number][side].append(timed(work, items[number], clock=clock))
    return Pair([min(slow) for slow, _ in times], [min(fast) for _, fast in times])


def timed(work: Work, item: Any, *, clock: Clock = time.process_time) -> float:
    """Seconds that one call takes."""
    start = clock()
    work(item)
    return clock() - start
