"""Warnings before the first step: settings of momentum contrast that do not fit the length of the run or the data."""

from __future__ import annotations

import math

from codo.core.numbers import number

EMA_SHARE = 1 / 5
"""Largest time constant 1/(1-m) of the momentum encoder, as a share of the run's steps.

Measured on runs of 200 steps (docs/method.md#small-runs): with 0.999 (5 runs long) the linear probe of the box head was
23.5, with 0.99 (half a run) 28.4, without momentum 34.3; untrained 17 to 21. The paper's runs last 250 time constants.
"""
QUEUE_SHARE = 1 / 2
"""Largest share of the images that may have a key in the queue."""


def ema_warning(momentum: float, steps: int) -> str | None:
    """A warning when the momentum encoder is too slow for the length of the run.

    Args:
        momentum: m of the EMA, at the start of the run if it rises.
        steps: Length of the run.
    """
    time_constant = 1 / (1 - momentum) if momentum < 1 else math.inf
    if time_constant <= EMA_SHARE * steps * (1 + 1e-9):
        return None
    slow = f"contrast.momentum={momentum:.6g} averages over {number(time_constant)} steps, of {number(steps)} in all"
    if math.isinf(time_constant):
        return f"The momentum encoder never changes: {slow}. Lower contrast.momentum."
    enough, lower = math.ceil(time_constant / EMA_SHARE - 1e-6), math.floor(1000 * (1 - 10 / max(steps, 100))) / 1000
    return (
        f"The momentum encoder is too slow for this run: {slow}, so the keys stay near those of an untrained network. "
        f"Train for {number(enough)} steps or more"
        + (f", or set contrast.momentum={lower} with a contrast.queue of a few batches." if lower < momentum else ".")
    )


def queue_warning(queue: int, samples: int) -> str | None:
    """A warning when the queue holds keys of more than half of the images."""
    largest = max(1, int(QUEUE_SHARE * samples))
    if queue <= largest:
        return None
    share = "more than all" if queue > samples else "more than half"
    return (
        f"The queue holds {share} of the images ({queue} keys, {samples} images): negatives will include other views "
        f"of the same image. Set contrast.queue={largest} or less, or add images."
    )
