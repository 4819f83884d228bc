"""Small figures as inline SVG for web pages: curves, histograms, dots.

* Text stays text, so that it uses the page's font, can be searched and read by screen readers.
* Colors are CSS variables of the page (``var(--s0)`` …), so that one figure works in light and dark mode.
* The same data give the same bytes: no dates, ids derived from the content (see `codo.reporting.html.svg`).

Drawn with matplotlib's object interface, without pyplot and its global state.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as MplFigure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from codo.core.numbers import compact, number
from codo.reporting.html.blocks import Numbers
from codo.reporting.html.labels import name_ends, name_references, shorten
from codo.reporting.html.svg import inline

MAX_POINTS = 240

# Placeholder colors that no figure uses otherwise; `inline` replaces them by the page's CSS variables.
INK, MUTED, GRID = "#010101", "#010102", "#010103"
SERIES = [f"#0102{i:02x}" for i in range(8)]
VARIABLES = {INK: "currentColor", MUTED: "var(--muted)", GRID: "var(--grid)"} | {
    color: f"var(--s{i})" for i, color in enumerate(SERIES)
}
_DASHES: list[tuple[float, ...]] = [
    (),
    (5, 1.6),
    (1.4, 1.4),
    (5, 1.4, 1.4, 1.4),
]  # so that curves differ not only in color
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "codo",
    "text.parse_math": False,  # a class named "$5" is not a formula
    "font.size": 10.5,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": INK,
    "axes.linewidth": 0.8,
    "path.simplify": False,
}


@dataclass(frozen=True)
class Line:
    """One curve: its name, the steps and the values. Values that are not finite leave a gap."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True)
class Reference:
    """A horizontal line to read the curves against, such as a chance level."""

    value: float
    name: str


def curves(
    lines: Sequence[Line],
    *,
    references: Sequence[Reference] = (),
    limits: tuple[float | None, float | None] = (None, None),
    x_label: str = "step",
    log: bool = False,
) -> Markup:
    """Curves over steps, each named at its right end, with dashed reference lines.

    Args:
        lines: The curves; more than `MAX_POINTS` points are averaged in bins (see `subsample`).
        references: Horizontal lines.
        limits: Lowest and highest value shown; ``None`` fits the data and the references.
        x_label: What the horizontal axis counts.
        log: Logarithmic values.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = canvas(4.5, 2.7)
        if log:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
            axes.minorticks_off()
        ends: list[tuple[str, float, str]] = []
        for i, line in enumerate(lines):
            x, y = subsample(line.x, line.y)
            color = SERIES[i % len(SERIES)]
            dash: Any = {"dashes": _DASHES[i % len(_DASHES)]} if _DASHES[i % len(_DASHES)] else {}
            axes.plot(x, y, color=color, linewidth=1.7, marker="o" if len(x) < 3 else "", markersize=3.5, **dash)
            finite = y[np.isfinite(y)]
            if len(finite) and len(lines) > 1:
                ends.append((line.name, float(finite[-1]), color))
        axes.margins(x=0.01, y=0.12)
        axes.update_datalim([(line.x[-1] if len(line.x) else 0, r.value) for line in lines[:1] for r in references])
        axes.autoscale_view()
        axes.set_ylim(*limits)
        axes.set_xlim(left=0)
        axes.set_xlabel(x_label)
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
        if log:
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 1)))
        else:
            axes.yaxis.set_major_locator(MaxNLocator(5))
        name_references(axes, [(r.name, r.value) for r in references], MUTED)
        for reference in references:
            axes.axhline(reference.value, color=MUTED, linewidth=1, dashes=(3, 3), zorder=1)
        name_ends(axes, ends)
        return inline(figure, VARIABLES)


def numbers_of(lines: Sequence[Line], x_label: str = "step") -> Numbers:
    """The points of `curves`, as they are drawn: one row for each step, empty where a curve has no value."""
    drawn = [dict(zip(*(part.tolist() for part in subsample(line.x, line.y)), strict=True)) for line in lines]
    steps = sorted({step for points in drawn for step in points})
    rows = [[step, *(_cell(points.get(step)) for points in drawn)] for step in steps]
    return Numbers([x_label, *(line.name for line in lines)], rows)


def _cell(value: float | None) -> str | float:
    return "" if value is None or not math.isfinite(value) else value


def histogram_numbers(values: npt.ArrayLike, bins: npt.ArrayLike) -> Numbers:
    """The bars of `histogram`: the edges of each bin and its count."""
    counts, edges = np.histogram(np.asarray(values, float), np.asarray(bins, float))
    return Numbers(
        ["from", "to", "count"], list(zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True))
    )


def histogram(values: npt.ArrayLike, *, bins: npt.ArrayLike, x_label: str) -> Markup:
    """How many values fall between neighboring edges of ``bins``."""
    with matplotlib.rc_context(STYLE):
        figure, axes = canvas(4.5, 2.7)
        counts, edges = np.histogram(np.asarray(values, float), np.asarray(bins, float))
        axes.stairs(counts, edges, fill=True, color=SERIES[0], alpha=0.35)
        axes.stairs(counts, edges, color=SERIES[0], linewidth=1.4)
        axes.set_xlabel(x_label)
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.set_ylim(0, None)
        axes.margins(x=0.01)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
        return inline(figure, VARIABLES)


def dots(groups: Mapping[str, Sequence[float]], *, x_label: str) -> Markup:
    """One row for each group, one dot for each value, a bar at the mean."""
    with matplotlib.rc_context(STYLE):
        figure, axes = canvas(4.5, 0.75 + 0.42 * max(1, len(groups)))
        for row, values in enumerate(groups.values()):
            known = np.asarray([v for v in values if math.isfinite(v)])
            color = SERIES[row % len(SERIES)]
            axes.plot(known, np.full(len(known), row), "o", color=color, markersize=6, alpha=0.75, markeredgewidth=0)
            if len(known):
                axes.plot([known.mean()] * 2, [row - 0.28, row + 0.28], color=color, linewidth=2.4)
        axes.set_yticks(range(len(groups)), [shorten(name) for name in groups])
        axes.set_ylim(len(groups) - 0.45, -0.55)
        axes.margins(x=0.08)
        axes.grid(axis="y", visible=False)
        axes.grid(axis="x", color=GRID, linewidth=0.8)
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_xlabel(x_label)
        return inline(figure, VARIABLES)


def subsample(x: Sequence[float], y: Sequence[float], points: int = MAX_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """At most ``points`` points: means over neighboring values, without values that are not finite."""
    xs, ys = np.asarray(x, float), np.asarray(y, float)
    if len(xs) <= points:
        return xs, np.where(np.isfinite(ys), ys, np.nan)
    parts = list(zip(np.array_split(xs, points), np.array_split(ys, points), strict=True))
    means = [part[np.isfinite(part)].mean() if np.isfinite(part).any() else np.nan for _, part in parts]
    return np.array([part.mean() for part, _ in parts]), np.array(means)


def describe(title: str, lines: Sequence[Line], references: Sequence[Reference] = ()) -> str:
    """A text alternative of a figure for screen readers: where each curve starts and ends."""
    parts = []
    for line in lines:
        known = [v for v in line.y if math.isfinite(v)]
        if known:
            parts.append(f"{line.name} from {number(known[0])} to {number(known[-1])}")
    parts += [f"reference {r.name}: {number(r.value)}" for r in references]
    return f"{title}. {'; '.join(parts)}." if parts else f"{title}. No values."


def canvas(width: float, height: float) -> tuple[MplFigure, Axes]:
    """An empty figure of ``width`` x ``height`` inches with one pair of plain axes."""
    figure = MplFigure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, pad=5)
    figure.patch.set_visible(False)
    axes.patch.set_visible(False)
    return figure, axes
