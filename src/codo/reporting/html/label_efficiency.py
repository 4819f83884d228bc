"""The label-efficiency figure: AP over the number of labeled images, one curve for each initialization."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from codo.core.numbers import compact
from codo.reporting.html.labels import name_ends
from codo.reporting.html.plots import _DASHES, SERIES, STYLE, VARIABLES, canvas
from codo.reporting.html.svg import inline


@dataclass(frozen=True)
class Trend:
    """One curve.

    Attributes:
        name: Name of the initialization.
        images: Labeled images, ascending.
        means: Mean AP over the seeds, times 100.
        spreads: Sample standard deviations over the seeds; 0 for one seed.
        dots: (images, AP times 100) of every seed.
    """

    name: str
    images: Sequence[int]
    means: Sequence[float]
    spreads: Sequence[float]
    dots: Sequence[tuple[int, float]]


def label_efficiency(trends: Sequence[Trend]) -> Markup:
    """Mean AP with a band of one standard deviation, every seed as a dot, labeled images on a logarithmic axis."""
    with matplotlib.rc_context(STYLE):
        figure, axes = canvas(4.5, 3.0)
        axes.set_xscale("log")
        ends: list[tuple[str, float, str]] = []
        for i, trend in enumerate(trends):
            color = SERIES[i % len(SERIES)]
            dash: Any = {"dashes": _DASHES[i % len(_DASHES)]} if _DASHES[i % len(_DASHES)] else {}
            low = [max(0.0, mean - spread) for mean, spread in zip(trend.means, trend.spreads, strict=True)]
            high = [mean + spread for mean, spread in zip(trend.means, trend.spreads, strict=True)]
            axes.fill_between(trend.images, low, high, color=color, alpha=0.15, linewidth=0)
            axes.plot(trend.images, trend.means, color=color, linewidth=1.8, **dash)
            axes.plot(*zip(*trend.dots, strict=True), "o", color=color, markersize=4, alpha=0.6, markeredgewidth=0)
            ends.append((trend.name, trend.means[-1], color))
        ticks = sorted({count for trend in trends for count in trend.images})
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.margins(x=0.03, y=0.12)
        axes.set_xlabel("labeled images")
        axes.autoscale_view()
        name_ends(axes, ends)
        return inline(figure, VARIABLES)
