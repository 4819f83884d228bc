"""Intervals of single numbers: a share of samples, and average precision over the evaluation images."""

from __future__ import annotations

import math
from statistics import NormalDist

from codo.core.numbers import percent, precision
from codo.evaluation.detections import Detections
from codo.evaluation.resampling import image_weights, resampled_ap
from codo.evaluation.statistics import LEVEL, Interval, image_interval, without_absent

RESAMPLES = 500
"""Resamples of the evaluation images behind the interval of one detector's AP; a comparison takes more."""

MOST_DETECTIONS = 100_000
"""With more detections the interval is left out: it would take minutes, and so many images leave little noise."""


def share_interval(share: float, count: int, level: float = LEVEL) -> Interval:
    """Wilson's score interval of a share of ``count`` independent samples (JASA 22, 1927).

    It stays inside [0, 1] and is right for shares near 0, where the usual ±2 standard errors are not.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    center = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return Interval(max(0.0, center - half), min(1.0, center + half))


def ap_intervals(detections: Detections, values: dict[str, float]) -> dict[str, Interval]:
    """Intervals of AP, AP50 and AP75 over the choice of evaluation images; empty where it would take too long.

    Args:
        detections: All images with their detections.
        values: The numbers on the images themselves, by ``AP``, ``AP50``, ``AP75``; those below 0 are left out.
    """
    if len(detections.image_results) < 2 or sum(len(r.found) for r in detections.image_results) > MOST_DETECTIONS:
        return {}
    resampled = resampled_ap(detections, image_weights(len(detections.image_results), RESAMPLES))
    draws = {name: without_absent(resampled[name]) for name in values}
    found = {name: image_interval(value, draws[name]) for name, value in values.items() if value >= 0}
    return {name: Interval(max(0.0, one.low), min(1.0, one.high)) for name, one in found.items() if one}


def in_percent(interval: Interval | None) -> str:
    """``95% interval 29% to 39%``; empty without an interval."""
    return f"{LEVEL:.0%} interval {percent(interval.low)} to {percent(interval.high)}" if interval else ""


def in_precision(interval: Interval | None) -> str:
    """``95% interval 21.0 to 26.3``, times 100; empty without an interval."""
    return f"{LEVEL:.0%} interval {precision(interval.low)} to {precision(interval.high)}" if interval else ""
