"""The eight classes of the demo.

A class is its structure: which parts there are and how they join. Color, pattern, light and size are drawn from the
same distributions for every class, so that nothing but shape tells them apart.
"""

from __future__ import annotations

from math import pi

from codo.demo.synthetic.manmade_shapes import car, house, key, mug
from codo.demo.synthetic.organic_shapes import fish, flower, starfish, tree
from codo.demo.synthetic.primitives import Plan

CLASSES: dict[str, Plan] = {
    "mug": mug,
    "fish": fish,
    "tree": tree,
    "house": house,
    "car": car,
    "flower": flower,
    "starfish": starfish,
    "key": key,
}
"""Class name -> construction plan, in the order of the category ids 1..8."""

LEAN = dict.fromkeys(CLASSES, 0.25) | {"fish": 0.6, "key": 0.6, "flower": pi, "starfish": pi}
"""How far an object may be turned to either side, in radians: cars stand on the ground, a starfish has no top."""
