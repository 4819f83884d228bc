"""The eight classes of the demo.

A class is defined by its parts and how they are joined. Color, pattern, light and size are drawn from the same
distributions for every class, so that classes differ only in shape.
"""

from __future__ import annotations

from math import pi

from codo.demo.synthetic.manmade_shapes import car, house, key, mug
from codo.demo.synthetic.organic_shapes import fish, flower, starfish, tree
from codo.demo.synthetic.primitives import FigureBuilder

CLASSES: dict[str, FigureBuilder] = {
    "mug": mug,
    "fish": fish,
    "tree": tree,
    "house": house,
    "car": car,
    "flower": flower,
    "starfish": starfish,
    "key": key,
}
"""Class name -> function that draws a random figure, in the order of the category ids 1..8."""

LEAN = dict.fromkeys(CLASSES, 0.25) | {"fish": 0.6, "key": 0.6, "flower": pi, "starfish": pi}
"""Largest rotation to either side in radians: cars stand on the ground, a starfish has no top."""
