"""Warnings before the first step: settings that do not fit the length of the run or the data."""

from __future__ import annotations

import math

from codo.contrast.auto_momentum import auto_momentum
from codo.core.numbers import number
from codo.loading.first_views import FirstViews

EMA_SHARE = 1 / 5
"""Largest time constant 1/(1-m) of the momentum encoder, as a share of the run's steps.

Measured on runs of 200 steps (docs/method.md#small-runs): with 0.999 (5 runs long) the linear probe of the box head was
23.5, with 0.99 (half a run) 28.4, without momentum 34.3; untrained 17 to 21. The paper's runs last 250 time constants.
"""
ROUNDING = 1.05
"""``contrast.momentum=auto`` rounds to three digits, which may make a time constant of 80 steps one of 83."""
QUEUE_SHARE = 1 / 2
"""Largest share of the images that may have a key in the queue."""

LEAST_SHOWN = 1 / 3
"""Least share of a proposal's area, or of its fine detail where a view is blurred, that views should show.

Measured on 96 photographs of ImageNet and Caltech-101 (docs/healthy-run.md#small-views): the paper's views of 224
pixels keep 0.48 of the area and 0.75 of the detail, views of 96 pixels 0.42, of 64 pixels 0.19."""
LONGEST_WARMUP = 1 / 2
"""Share of a run from which on its warm-up is told. The shortest of our recipes take a third of theirs."""
BLURRED_SHARE, FEWEST_BLURRED = 1 / 4, 8
"""The blur is judged if at least this share of the views, and this many, are blurred."""


def ema_warning(momentum: float, steps: int, queue_age: float = 0.0) -> str | None:
    """A warning when the momentum encoder is too slow for the length of the run.

    Args:
        momentum: m of the EMA, at the start of the run if it rises.
        steps: Length of the run.
        queue_age: Age of the oldest queued key in steps; 0 without a queue. ``contrast.momentum=auto`` depends on it.
    """
    time_constant = 1 / (1 - momentum) if momentum < 1 else math.inf
    longest = EMA_SHARE * steps * ROUNDING
    if time_constant <= longest:
        return None
    auto = auto_momentum(steps, queue_age)
    advice = []
    if auto < momentum:
        advice.append(f"set contrast.momentum=auto (here {auto:g})")
    if auto > auto_momentum(steps) and 1 / (1 - auto) > longest:  # the queue asks for a slow encoder
        advice.append(f"shorten contrast.queue, which holds the keys of {queue_age:.3g} steps")
    words = " and ".join(advice)
    slow = f"contrast.momentum={momentum:.6g} averages over {number(time_constant)} steps, of {number(steps)} in all"
    if math.isinf(time_constant):
        return f"The momentum encoder never changes: {slow}. {words[:1].upper()}{words[1:]}."
    enough = math.ceil(time_constant / EMA_SHARE - 1e-6)
    return (
        f"The momentum encoder is too slow for this run: {slow}, so the keys stay near those of an untrained network. "
        f"Train for {number(enough)} steps or more{', or ' if advice else ''}{words}."
    )


def view_warnings(first: FirstViews) -> list[str]:
    """Warnings when blur or crops leave less than `LEAST_SHOWN` of a proposal's detail or area.

    Args:
        first: Measurements of the first batch.
    """
    found = []
    often = first.blurred >= max(FEWEST_BLURRED, BLURRED_SHARE * first.views)
    if first.detail is not None and first.detail < LEAST_SHOWN and often:
        found.append(
            f"Blur leaves {first.detail:.0%} of the fine detail in the views that it is applied to (median of "
            f"{first.blurred} of {first.views} views; objects are shown with {first.pixels:.0f} pixels a side). "
            "Set augment.blur_unit=canvas, or augment.blur=0."
        )
    if first.area < LEAST_SHOWN:
        found.append(
            f"Crops keep {first.area:.0%} of a proposal's area (mean of {first.views} views), so two views of an "
            "object rarely show the same part. Set cpj.foreground_area=[0.4,1.0]."
        )
    return found


def warmup_warning(warmup: int, steps: int) -> str | None:
    """A warning when a run is hardly longer than its warm-up, in which the learning rate is below ``optim.lr``.

    Args:
        warmup: Steps of the warm-up.
        steps: Length of the run.
    """
    if not warmup or warmup < LONGEST_WARMUP * steps:
        return None
    advice = f"Train longer, or set optim.warmup_steps={steps // 10} optim.warmup_epochs=0."
    if steps <= warmup:
        return (
            f"The run ends before its warm-up does ({steps} steps of {warmup}), so the learning rate never reaches "
            f"optim.lr. {advice}"
        )
    return (
        f"The warm-up takes {warmup} of {steps} steps, so the learning rate is below optim.lr for "
        f"{warmup / steps:.0%} of the run. {advice}"
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
