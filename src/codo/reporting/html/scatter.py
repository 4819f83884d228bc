"""Scatter plots with named points, as in the paper's Figure 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from codo.evaluation.statistics import Floats
from codo.reporting.html.labels import shorten
from codo.reporting.html.plots import INK, MUTED, SERIES, STYLE, VARIABLES, canvas
from codo.reporting.html.svg import inline

_FONT = 9.5  # points
_GAP = 9  # from a dot to its name, in points


def scatter(points: Mapping[str, tuple[float, float]], *, x_label: str, y_label: str) -> Markup:
    """A dot for each name with a label next to it; labels without space there are further away, with a line."""
    with matplotlib.rc_context(STYLE):
        figure, axes = canvas(4.5, 3.2 if len(points) <= 6 else 4.2)
        for i, (x, y) in enumerate(points.values()):
            axes.plot([x], [y], "o", color=SERIES[i % len(SERIES)], markersize=7, markeredgewidth=0)
        axes.margins(x=0.22, y=0.15)
        axes.grid(axis="x", visible=True)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label, color=MUTED)
        axes.autoscale_view()
        names = [shorten(name) for name in points]
        dots = np.array(axes.transData.transform(list(points.values()))) * 72 / figure.dpi
        frame = np.array(axes.bbox.extents) * 72 / figure.dpi
        for name, point, offset in zip(names, points.values(), places(names, dots, frame), strict=True):
            far = max(abs(offset[0]), abs(offset[1])) > 1.5 * _GAP
            axes.annotate(
                name,
                point,
                xytext=offset,
                textcoords="offset points",
                ha=("right", "center", "left")[1 + int(np.sign(offset[0]))],
                va="center",
                color=INK,
                fontsize=_FONT,
                arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.7, "shrinkA": 1, "shrinkB": 4}
                if far
                else None,
            )
        return inline(figure, VARIABLES)


def places(names: Sequence[str], dots: Floats, frame: Floats) -> list[tuple[float, float]]:
    """Positions of names so that none lies on a dot or on another name.

    Args:
        names: The names.
        dots: Their dots, ``(n, 2)``, in points.
        frame: The area for names: x1, y1, x2, y2.

    Returns:
        For each name the offset from its dot to the name's left end (right of the dot), right end (left of it) or
        center (above and below): the first free one of eight directions at growing distances.
    """
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in dots.tolist()]
    found: list[tuple[float, float]] = []
    for name, (x, y) in zip(names, dots.tolist(), strict=True):
        width, height = 0.6 * _FONT * len(name), 1.15 * _FONT
        ways = [
            (step * right * _GAP, step * up * (_GAP if right else height))
            for step in (1, 2, 3, 4, 6)
            for right, up in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
        ]
        boxes = []
        for right, up in ways:
            left = x + right - width * (0.5 if right == 0 else right < 0)
            boxes.append((left, y + up - height / 2, left + width, y + up + height / 2))
        free = [i for i, box in enumerate(boxes) if _inside(box, frame) and not any(_meet(box, one) for one in taken)]
        best = free[0] if free else 0
        taken.append(boxes[best])
        found.append(ways[best])
    return found


def _inside(box: Sequence[float], frame: Floats) -> bool:
    return bool(box[0] >= frame[0] and box[1] >= frame[1] and box[2] <= frame[2] and box[3] <= frame[3])


def _meet(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
