"""Figures of detections: precision-recall curves, and bars in the colors of the error types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from codo.evaluation.error_types import ErrorType
from codo.evaluation.matching import RECALLS
from codo.reporting.html.labels import shorten
from codo.reporting.html.plots import GRID, INK, MUTED, SERIES, STYLE, VARIABLES, canvas
from codo.reporting.html.svg import inline

# Placeholder colors that no figure uses otherwise; `inline` replaces them by the page's CSS variables.
_COLORS = {error_type: f"#0103{i:02x}" for i, error_type in enumerate(ErrorType)}
_ALL = VARIABLES | {color: f"var(--{error_type})" for error_type, color in _COLORS.items()}


def precision_recall(half: npt.ArrayLike, strict: npt.ArrayLike, name: str) -> Markup:
    """Precision at each recall, at IoU 0.5 (solid, filled below) and 0.75 (dashed).

    Args:
        half: ``(101,)``, at `codo.evaluation.matching.RECALLS`.
        strict: The same at the higher IoU.
        name: Name of the figure, unique in the page.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = canvas(3.4, 2.6)
        axes.fill_between(RECALLS, np.asarray(half), step="pre", color=SERIES[0], alpha=0.12, linewidth=0)
        for label, values, color, dashes in (("IoU 0.5", half, SERIES[0], ()), ("0.75", strict, SERIES[1], (5, 1.6))):
            style: Any = {"dashes": dashes} if dashes else {}
            axes.step(RECALLS, np.asarray(values), where="pre", color=color, linewidth=1.7, label=label, **style)
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
        axes.legend(loc="upper right", frameon=False, fontsize=9.5, labelcolor=INK, handlelength=1.8)
        return inline(figure, _ALL, salt=name)


def bars(values: Mapping[ErrorType, float], *, x_label: str) -> Markup:
    """One bar for each error type, with its value at its end."""
    with matplotlib.rc_context(STYLE):
        figure, axes = canvas(4.5, 0.6 + 0.34 * len(values))
        for row, (error_type, value) in enumerate(values.items()):
            axes.barh(row, value, height=0.62, color=_COLORS[error_type])
            axes.annotate(f"{value:.1f}", (value, row), (4, 0), textcoords="offset points", va="center", color=INK)
        axes.set_yticks(range(len(values)), [error_type.value for error_type in values])
        axes.set_ylim(len(values) - 0.45, -0.55)
        axes.set_xlim(0, 1.12 * max(*values.values(), 1.0))
        return _horizontal(figure, axes, x_label)


def shares(rows: Sequence[str], parts: Mapping[ErrorType, npt.ArrayLike], *, x_label: str) -> Markup:
    """One bar for each row, divided by error type; all bars have the same length.

    Args:
        rows: Names of the rows.
        parts: Error type -> count of each row.
        x_label: Label of the axis, which runs from 0 to 100%.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = canvas(4.5, 0.9 + 0.3 * len(rows))
        counts = {error_type: np.asarray(values, float) for error_type, values in parts.items()}
        totals = np.maximum(sum(counts.values()), 1)
        left = np.zeros(len(rows))
        for error_type, values in counts.items():
            width = 100 * values / totals
            axes.barh(range(len(rows)), width, left=left, height=0.7, color=_COLORS[error_type], label=error_type.value)
            left += width
        axes.set_yticks(range(len(rows)), [shorten(name, 18) for name in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(0, 100)
        figure.legend(loc="outside upper left", ncols=4, frameon=False, fontsize=9.5, labelcolor=INK, handlelength=1)
        return _horizontal(figure, axes, x_label)


def _horizontal(figure: matplotlib.figure.Figure, axes: matplotlib.axes.Axes, x_label: str) -> Markup:
    """Finish a figure of horizontal bars."""
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.tick_params(axis="x", labelcolor=MUTED)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_xlabel(x_label)
    return inline(figure, _ALL)
