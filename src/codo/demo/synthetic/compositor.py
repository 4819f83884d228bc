"""Compose an image of layers: their places, the visible part of each, and shadows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from codo.demo.synthetic.painting import Light, Sprite
from codo.demo.synthetic.pixels import Colors, Field, blurred

MIN_VISIBLE = 0.5
"""Least visible fraction of a labeled object; other layers and the image's border hide the rest."""

_TRIES = 16
_OVERHANG = 0.3  # largest part of a layer's side beyond the image's border


class Instance(NamedTuple):
    """A labeled object of an image.

    Attributes:
        name: Its class, a key of `codo.demo.synthetic.classes.CLASSES`.
        mask: Its visible pixels, bool (H, W).
        visible: Fraction of its pixels that are visible; pixels outside the image count as hidden.
    """

    name: str
    mask: NDArray[np.bool_]
    visible: float


class _Layer(NamedTuple):
    name: str | None  # None: clutter
    sprite: Sprite
    x: int
    y: int


class Compositor:
    """A square image composed of layers; later layers are in front of earlier ones.

    Args:
        size: Side in pixels.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._layers: list[_Layer] = []
        self._total: list[int] = []  # pixels of every layer, visible or not
        self._visible: list[int] = []  # visible pixels of every layer
        self._front = np.full((size, size), -1, np.int16)  # index of the front layer at every pixel

    def place(self, rng: np.random.Generator, name: str | None, sprite: Sprite) -> None:
        """Add a layer at the first of some random places where enough of every labeled object stays visible.

        If there is no such place, the layer is left out.

        Args:
            rng: Draws the places; the number of draws is always the same.
            name: Class of a labeled object, ``None`` for clutter.
            sprite: Colors and alpha of the layer.
        """
        height, width = sprite.alpha.shape
        spare = np.array([self.size - width + 2 * _OVERHANG * width, self.size - height + 2 * _OVERHANG * height])
        for x, y in (rng.random((_TRIES, 2)) * spare - _OVERHANG * np.array([width, height])).astype(int).tolist():
            if self._leaves_enough(_Layer(name, sprite, x, y)):
                self.put(name, sprite, x, y)
                return

    def put(self, name: str | None, sprite: Sprite, x: int, y: int) -> None:
        """Add a layer with its upper left corner at (x, y), whatever it hides."""
        layer = _Layer(name, sprite, x, y)
        rows, columns, mask = self._footprint(layer)
        visible = self._still_visible(layer)
        self._front[rows, columns][mask] = len(self._layers)
        self._layers.append(layer)
        self._visible = [*visible, int(np.count_nonzero(mask))]
        self._total.append(max(1, int(np.count_nonzero(sprite.mask))))

    def instances(self) -> tuple[Instance, ...]:
        """The labeled objects, back to front."""
        return tuple(
            Instance(layer.name, self._front == k, self._visible[k] / self._total[k])
            for k, layer in enumerate(self._layers)
            if layer.name is not None
        )

    def composite(self, behind: Colors, light: Light) -> Colors:
        """Blend all layers over a background, with soft shadows; float32 (size, size, 3) in 0..1."""
        picture = behind.copy()
        for layer in self._layers:
            self._cast_shadow(picture, layer, light)
            rows, columns, sprite_rows, sprite_columns = self._window(layer)
            alpha = layer.sprite.alpha[sprite_rows, sprite_columns, None]
            picture[rows, columns] *= 1 - alpha
            picture[rows, columns] += layer.sprite.paint[sprite_rows, sprite_columns]
        return picture

    def _leaves_enough(self, layer: _Layer) -> bool:
        *_, mask = self._footprint(layer)
        if layer.name is not None and np.count_nonzero(mask) < MIN_VISIBLE * np.count_nonzero(layer.sprite.mask):
            return False
        return all(
            other.name is None or visible >= MIN_VISIBLE * total
            for other, visible, total in zip(self._layers, self._still_visible(layer), self._total, strict=True)
        )

    def _still_visible(self, layer: _Layer) -> list[int]:
        """Pixels of every earlier layer that stay visible when this one is added in front."""
        rows, columns, mask = self._footprint(layer)
        hidden = np.bincount(self._front[rows, columns][mask] + 1, minlength=len(self._layers) + 1)[1:]
        return [visible - gone for visible, gone in zip(self._visible, hidden.tolist(), strict=True)]

    def _footprint(self, layer: _Layer) -> tuple[slice, slice, NDArray[np.bool_]]:
        """Rows and columns of the image that a layer covers, and its mask there."""
        rows, columns, sprite_rows, sprite_columns = self._window(layer)
        return rows, columns, layer.sprite.mask[sprite_rows, sprite_columns]

    def _window(self, layer: _Layer) -> tuple[slice, slice, slice, slice]:
        """Rows and columns of the image that a layer covers, and the corresponding rows and columns of its sprite."""
        (height, width), x, y = layer.sprite.alpha.shape, layer.x, layer.y
        top, left = max(0, y), max(0, x)
        bottom, right = max(top, min(self.size, y + height)), max(left, min(self.size, x + width))
        return slice(top, bottom), slice(left, right), slice(top - y, bottom - y), slice(left - x, right - x)

    def _cast_shadow(self, picture: Colors, layer: _Layer, light: Light) -> None:
        """Darken the image under a layer and, away from the lamp, next to it."""
        longest = max(layer.sprite.alpha.shape)
        margin, shift = max(3, longest // 6), 0.09 * longest / light.direction[2]
        soft: Field = blurred(np.pad(layer.sprite.alpha, margin), max(0.8, longest / 28))
        x, y = (at - margin - toward * shift for at, toward in zip((layer.x, layer.y), light.direction, strict=False))
        shadow = _Layer(None, Sprite(soft[..., None], soft), round(x), round(y))
        rows, columns, shadow_rows, shadow_columns = self._window(shadow)
        picture[rows, columns] *= 1 - light.shadow * soft[shadow_rows, shadow_columns, None]
