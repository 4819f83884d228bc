"""Is it healthy? Alarms in plain language, each with what to change (docs/method.md#drift-collapse).

The loss alone cannot tell: in *drift collapse* all embeddings are one point that keeps moving. New keys then lie nearer
to the query than the older ones in the queue only because they are newer, so that the loss falls and top-1 rises while
nothing is learned. Four tell-tales give it away, all logged by level: the spread of the embeddings (per-dimension std,
1/sqrt(D) when they fill the sphere), the norm of their mean (1 when they are one point), top-1, and the loss.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Any

DRIFT_GRACE = 50
"""Steps before the first verdict on drift. No healthy run finds a quarter of its keys while it is this young."""


class HealthMonitor:
    """Looks at the logged values of a run of CoDo or another method of its family.

    Args:
        dim: D, dimensions of the embedding.
        queue: K, negatives of a level; ``None`` for methods without a queue, which cannot drift.
        grace: Steps before the first verdict on a plain collapse: an untrained network maps all boxes to nearly one
            point, so that every run starts with the looks of a collapse.
    """

    def __init__(self, *, dim: int | None, queue: int | None, grace: int) -> None:
        self.dim, self.queue, self.grace = dim, queue, grace
        self._waits: deque[float] = deque(maxlen=5)
        self._spreads: deque[float] = deque(maxlen=5)

    def look(self, step: int, row: Mapping[str, Any]) -> list[str]:
        """The alarms that the embeddings of a logged step call for; a pure function of the rows so far."""
        message = self._collapsed(step, row)
        return [message] if message else []

    def slow(self, row: Mapping[str, Any]) -> str | None:
        """The alarm that the times of the last logged steps call for."""
        self._waits.append(row.get("time/data_wait", 0.0))
        wait = sum(self._waits) / len(self._waits)
        if len(self._waits) < 5 or wait <= 0.2:
            return None
        return (
            "Training waits for data more than 20% of the time: raise workers=, or give it smaller "
            "images to decode (catalogs: codo prepare --pack 256)."
        )

    def _collapsed(self, step: int, row: Mapping[str, Any]) -> str | None:
        if self.dim is None or not any(name.startswith("std/") for name in row):
            return None
        levels = [name.removeprefix("std/") for name in row if name.startswith("std/")]
        full = 1 / math.sqrt(self.dim)
        # The worst level counts: the levels share a head, but each can fail by itself.
        level = min(levels, key=lambda name: row[f"std/{name}"])
        spread, norm = row[f"std/{level}"], row[f"mean_norm/{level}"]
        top1 = row.get(f"top1/{level}", 0.0)  # methods without a queue have none
        self._spreads.append(spread)
        recovering = len(self._spreads) == 5 and self._spreads[-1] > 1.2 * self._spreads[0]
        if recovering:
            return None
        seen = f"spread {spread / full:.0%} of full, mean embedding of length {norm:.2f}, top-1 {top1:.0%} on {level}"
        if step > DRIFT_GRACE and top1 > 0.25 and (norm > 0.9 or self._near_chance(row, level)):
            return (
                f"Drift collapse ({seen}): the embeddings are one moving point, and new keys are found only because "
                "they are newer. Lower optim.lr, raise contrast.momentum (0.999) or shorten contrast.queue, and "
                "warm up (optim.warmup_steps=200)."
            )
        if step < self.grace:
            return None
        if spread < full / 10 or (spread < full / 4 and norm > 0.95):
            return (
                f"Collapse ({seen}): nearly all boxes get the same embedding. Lower optim.lr, warm up "
                "(optim.warmup_steps=200), and make sure that contrast.bn_groups is on."
            )
        return None

    def _near_chance(self, row: Mapping[str, Any], level: str) -> bool:
        """Whether the loss is close to that of guessing although most keys are found."""
        assert self.queue is not None
        return bool(row["top1/" + level] > 0.5 and row["loss/" + level] > 0.85 * math.log(self.queue + 1))


def queue_warning(queue: int, samples: int) -> str | None:
    """A warning when the queue holds more keys than there are samples."""
    if queue <= samples:
        return None
    return (
        f"The queue ({queue} keys) is larger than the data set ({samples} images): negatives will include other views "
        f"of the same image. Set contrast.queue={max(1, samples // 2)} or less, or add images."
    )
