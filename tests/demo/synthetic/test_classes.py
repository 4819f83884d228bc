"""The table of classes: complete, and every plan of it a figure of its own."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest

from codo.demo.synthetic.classes import CLASSES, LEAN
from codo.demo.synthetic.primitives import BODY
from tests.demo.synthetic.figures import area, check_figure, figures


def test_every_class_has_a_plan_of_its_own_and_a_lean() -> None:
    # The order gives the category ids of the data sets that were written.
    assert list(CLASSES) == ["mug", "fish", "tree", "house", "car", "flower", "starfish", "key"]
    assert len({id(plan) for plan in CLASSES.values()}) == len(CLASSES)
    assert all(plan.__name__ == name for name, plan in CLASSES.items())
    assert LEAN.keys() == CLASSES.keys()
    assert all(0 < lean <= pi for lean in LEAN.values())
    assert LEAN["starfish"] == pi > LEAN["fish"] > LEAN["car"]


@pytest.mark.parametrize("name", list(CLASSES))
def test_figures_are_about_two_units_wide_and_vary(name: str) -> None:
    made = figures(CLASSES[name])
    for figure in made:
        check_figure(figure, largest=3.6)
        assert any(part.slot == BODY for part in figure)
    assert len({round(sum(area(part.outline) for part in figure), 6) for figure in made}) == len(made)


@pytest.mark.parametrize("name", list(CLASSES))
def test_the_same_random_numbers_give_the_same_figure(name: str) -> None:
    for one, two in zip(figures(CLASSES[name]), figures(CLASSES[name]), strict=True):
        assert [part.slot for part in one] == [part.slot for part in two]
        assert all(np.array_equal(a.outline, b.outline) for a, b in zip(one, two, strict=True))
