"""Measures of figures, for tests."""

from __future__ import annotations

import numpy as np

from codo.demo.synthetic.outlines import Outline
from codo.demo.synthetic.primitives import SLOTS, Figure, FigureBuilder

SEEDS = range(60)


def figures(build: FigureBuilder) -> list[Figure]:
    """One figure of each seed."""
    return [build(np.random.default_rng(seed)) for seed in SEEDS]


def area(outline: Outline) -> float:
    """What a closed outline holds, in square units (the shoelace formula)."""
    x, y = outline.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def bounds(figure: Figure) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a figure."""
    points = np.concatenate([part.outline for part in figure])
    left, top = points.min(0).tolist()
    right, bottom = points.max(0).tolist()
    return left, top, right, bottom


def check_figure(figure: Figure, largest: float) -> None:
    """What every figure promises: outlines with an area, known slots, no side beyond ``largest`` units."""
    for part in figure:
        assert part.outline.ndim == 2
        assert part.outline.shape[1] == 2
        assert len(part.outline) >= 3
        assert np.isfinite(part.outline).all()
        assert area(part.outline) > 1e-4
        assert 0 <= part.slot < SLOTS
    left, top, right, bottom = bounds(figure)
    assert 0.9 < max(right - left, bottom - top) <= largest
