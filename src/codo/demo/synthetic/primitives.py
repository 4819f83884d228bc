"""Figures and their parts, and the unlabeled clutter.

A `Figure` is a list of parts painted over each other; a part in slot `HOLE` cuts a hole into the parts below it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from codo.demo.synthetic.outlines import Outline, blob, box, ellipse, polar, rounded, stroke

HOLE, BODY, SECOND, THIRD, DARK, LIGHT = range(6)
"""Color slots: the index of a part's color in the object's palette."""

SLOTS = 6


class Part(NamedTuple):
    """One painted area of a figure."""

    outline: Outline
    slot: int


Figure = list[Part]
FigureBuilder = Callable[[np.random.Generator], Figure]


def clutter(rng: np.random.Generator) -> Figure:
    """A figure without a class: pebble, chip, stick, ring, cross or crescent."""
    kind, stretch = int(rng.integers(6)), rng.uniform(0.45, 1.0)
    if kind == 0:
        return [Part(blob(rng, 0, 0, 1, stretch, lumps=0.5, waves=4), BODY)]
    if kind == 1:
        angle = np.sort(rng.uniform(0, 2 * np.pi / 5, 5)) + np.arange(5) * 2 * np.pi / 5
        chip = polar(rng.uniform(0.7, 1, 5), angle)[: int(rng.integers(3, 6))]
        return [Part(rounded(chip, int(rng.integers(0, 3))), BODY)]
    if kind == 2:
        stick = np.stack([np.linspace(-1, 1, 12), rng.uniform(-0.5, 0.5) * np.linspace(-1, 1, 12) ** 2], axis=1)
        return [Part(stroke(stick, *rng.uniform(0.12, 0.35, 2)), BODY)]
    if kind == 3:
        bore = rng.uniform(0.4, 0.75)
        return [Part(ellipse(0, 0, 1, stretch), BODY), Part(ellipse(0, 0, bore, stretch * bore), HOLE)]
    if kind == 4:
        thick = rng.uniform(0.15, 0.35)
        return [Part(box(-1, -thick, 1, thick), BODY), Part(box(-thick, -stretch, thick, stretch), SECOND)]
    bite = rng.uniform(0.3, 0.7)
    return [Part(ellipse(0, 0, 1, 1), BODY), Part(ellipse(bite, 0, 0.85, 0.85), HOLE)]
