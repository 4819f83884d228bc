"""Formatting of numbers in reports: few digits, units, and a dash for missing values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

MISSING = "–"


def number(value: float | None, digits: int = 3) -> str:
    """``value`` to ``digits`` significant digits: ``0.0123``, ``8.32``, ``1,024``, ``1.2e-6``."""
    if value is None:
        return MISSING
    if not math.isfinite(value):
        return "not finite"
    if value == 0 or (isinstance(value, int) and abs(value) < 10**9):
        return f"{int(value):,}"
    size = math.floor(math.log10(abs(value)))
    if not -5 <= size < 9:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{value:,.{max(0, digits - 1 - size)}f}"


def compact(value: float) -> str:
    """A count for an axis: ``950``, ``12k``, ``1.5M``."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def percent(share: float | None) -> str:
    """A share in [0, 1] as ``12%`` or ``1.3%``."""
    if share is None or not math.isfinite(share):
        return MISSING
    points = 100 * share
    return f"{points:.0f}%" if points >= 10 or points == 0 else f"{points:.1f}%"


def duration(seconds: float | None) -> str:
    """``45 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d 4 h``."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, big, rest, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {big} {whole % size // rest} {small}"
    return f"{whole} s"


def precision(value: float | None) -> str:
    """Average precision in [0, 1], times 100 with one decimal; COCO's -1 (no such object) becomes a dash."""
    return MISSING if value is None or not math.isfinite(value) or value < 0 else f"{100 * value:.1f}"


def mean_spread(values: Sequence[float]) -> str:
    """Average precisions of several seeds as ``41.2 ± 0.3``: mean and sample standard deviation, times 100.

    Values that are missing (COCO's -1, not finite) are left out; one value is written without spread.
    """
    known = [100 * v for v in values if math.isfinite(v) and v >= 0]
    if not known:
        return MISSING
    return f"{fmean(known):.1f}" + (f" ± {stdev(known):.1f}" if len(known) > 1 else "")


def points(gain: float, digits: int = 1) -> str:
    """A difference of average precisions as ``+1.2`` points, with a true minus sign."""
    rounded = round(100 * gain, digits) + 0.0  # + 0.0: no minus before zero
    return f"{rounded:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def share(fraction: float) -> str:
    """A label fraction as ``100%``, ``10%``, ``0.5%``."""
    return f"{100 * fraction:.3g}%"
