"""One quantity against another, a named point for each thing that has both: the paper's Figure 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from codo.reporting.labels import shorten
from codo.reporting.plots import INK, MUTED, SERIES, STYLE, VARIABLES, canvas
from codo.reporting.statistics import Floats
from codo.reporting.svg import inline


def scatter(points: Mapping[str, tuple[float, float]], *, x_label: str, y_label: str) -> Markup:
    """A dot for each name, its name beside it; names that would lie on each other are moved apart."""
    with matplotlib.rc_context(STYLE):
        figure, axes = canvas(4.5, 3.2)
        for i, (x, y) in enumerate(points.values()):
            axes.plot([x], [y], "o", color=SERIES[i % len(SERIES)], markersize=7, markeredgewidth=0)
        axes.margins(x=0.22, y=0.15)
        axes.grid(axis="x", visible=True)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label, color=MUTED)
        axes.autoscale_view()
        to_page = axes.transData.transform
        placed: list[tuple[float, float]] = []
        for name, point in sorted(points.items(), key=lambda item: item[1][1]):
            x, y = to_page(point)
            right = x < to_page((float(np.mean(axes.get_xlim())), 0.0))[0]
            while any(abs(x - a) < 90 and abs(y - b) < 13 for a, b in placed):
                y += 13
            placed.append((x, y))
            axes.annotate(
                shorten(name),
                point,
                xytext=(9 if right else -9, (y - to_page(point)[1]) * 72 / figure.dpi),
                textcoords="offset points",
                ha="left" if right else "right",
                va="center",
                color=INK,
                fontsize=9.5,
            )
        return inline(figure, VARIABLES)


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Spearman's coefficient, ties sharing their mean rank; ``None`` for fewer than three pairs or a constant side."""
    if len(x) < 3:
        return None
    ranks = [_ranks(np.asarray(values, float)) for values in (x, y)]
    if any(np.ptp(side) == 0 for side in ranks):
        return None
    a, b = ((side - side.mean()) / side.std() for side in ranks)
    return float((a * b).mean())


def _ranks(values: Floats) -> Floats:
    below = (values[None] < values[:, None]).sum(axis=1)
    equal = (values[None] == values[:, None]).sum(axis=1)
    ranks: Floats = below + (equal - 1) / 2
    return ranks
