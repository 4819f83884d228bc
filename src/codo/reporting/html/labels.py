"""Labels of curves and reference lines, placed so that they overlap neither each other nor the curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from codo.core.numbers import number


def name_ends(axes: Axes, ends: Sequence[tuple[str, float, str]]) -> None:
    """Write each curve's name at the height of its last value, moved apart where they would overlap."""
    to_height = axes.transData + axes.transAxes.inverted()
    ranked = sorted(ends, key=lambda end: end[1])
    heights = apart([float(to_height.transform((0.0, y))[1]) for _, y, _ in ranked], gap=0.095)
    for (name, _, color), height in zip(ranked, heights, strict=True):
        axes.text(1.015, height, shorten(name), transform=axes.transAxes, color=color, va="center", fontweight="bold")


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Sorted positions in [0, 1], moved to be ``gap`` apart: overlapping ones are spread around their center."""
    gap = min(gap, 1 / max(1, len(places)))  # many names have less room each
    groups: list[tuple[float, int]] = []  # middle, members
    for place in places:
        groups.append((min(max(place, 0.0), 1.0), 1))
        while len(groups) > 1 and groups[-1][0] - groups[-2][0] < gap * (groups[-1][1] + groups[-2][1]) / 2:
            (a, n), (b, m) = groups[-2:]
            half = gap * (n + m - 1) / 2
            groups[-2:] = [(min(max((a * n + b * m) / (n + m), half), 1 - half), n + m)]
    return [middle + gap * (k - (members - 1) / 2) for middle, members in groups for k in range(members)]


def name_references(axes: Axes, references: Sequence[tuple[str, float]], color: str) -> None:
    """Write the name and value of each horizontal line next to it, at the end and side with the fewest points."""
    to_axes = axes.transData + axes.transAxes.inverted()
    points = [to_axes.transform(np.asarray(line.get_xydata(), float)) for line in axes.get_lines()]
    x, y = np.concatenate([*points, np.empty((0, 2))]).T
    for name, value in references:
        height = float(to_axes.transform((0.0, value))[1])
        crowd = {}
        for above in (True, False):
            edge = height + (0.1 if above else -0.1)
            near = (min(edge, height) < y) & (y < max(edge, height))
            for left in (False, True):
                outside = 1000 * (edge < 0)  # above the figure there is space, below it are the step numbers
                crowd[above, left] = outside + int((near & ((x < 0.4) if left else (x > 0.6))).sum())
        above, left = min(crowd, key=crowd.__getitem__)
        axes.annotate(
            f"{name} = {number(value)}",
            (0.01 if left else 0.99, value),
            xycoords=axes.get_yaxis_transform(),
            xytext=(0, 3 if above else -3),
            textcoords="offset points",
            ha="left" if left else "right",
            va="bottom" if above else "top",
            color=color,
            fontsize=9.5,
        )


def shorten(name: str, longest: int = 28) -> str:
    """The name, cut to ``longest`` characters."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
