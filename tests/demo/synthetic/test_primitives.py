"""Clutter: what it is made of, and that it takes every one of its forms."""

from __future__ import annotations

import numpy as np

from codo.demo.synthetic.primitives import BODY, HOLE, SECOND, SLOTS, clutter
from tests.demo.synthetic.figures import area, bounds, check_figure, figures


def test_clutter_is_about_two_units_wide_and_the_same_for_the_same_numbers() -> None:
    for figure, again in zip(figures(clutter), figures(clutter), strict=True):
        check_figure(figure, largest=3.2)
        assert all(np.array_equal(one.outline, two.outline) for one, two in zip(figure, again, strict=True))


def test_clutter_has_holes_crosses_and_single_pieces() -> None:
    kinds = {tuple(part.slot for part in figure) for figure in figures(clutter)}
    assert kinds == {(BODY,), (BODY, HOLE), (BODY, SECOND)}
    assert max(slot for kind in kinds for slot in kind) < SLOTS


def test_a_hole_leaves_some_of_the_body() -> None:
    for figure in figures(clutter):
        if figure[-1].slot == HOLE:
            assert 0.1 * area(figure[0].outline) < area(figure[1].outline) < 0.85 * area(figure[0].outline)
            left, _, right, _ = bounds(figure[:1])
            assert left < figure[1].outline[:, 0].mean() < right
