"""Things put one in front of the other: where each may stand, what of it stays in sight, and how it looks together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from codo.demo.synthetic.painting import Light, Sprite
from codo.demo.synthetic.pixels import Colors, Field, blurred

MIN_VISIBLE = 0.5
"""Every labeled object shows at least this share of itself, counting what other things and the image's edge hide."""

_TRIES = 16
_OVERHANG = 0.3  # how much of its side a thing may hang over the image's edge


class Instance(NamedTuple):
    """A labeled object of a picture.

    Attributes:
        name: Its class, a key of `codo.demo.synthetic.classes.CLASSES`.
        mask: Its visible pixels, bool (H, W).
        visible: Visible pixels over all its pixels, those outside the image included.
    """

    name: str
    mask: NDArray[np.bool_]
    visible: float


class _Thing(NamedTuple):
    name: str | None  # None: clutter
    sprite: Sprite
    x: int
    y: int


class Stage:
    """A square picture in the making; later things stand in front of earlier ones.

    Args:
        size: Side in pixels.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._things: list[_Thing] = []
        self._whole: list[int] = []  # pixels of every thing, in sight or not
        self._seen: list[int] = []  # pixels of every thing that are in sight
        self._owner = np.full((size, size), -1, np.int16)  # the thing in front at every pixel

    def place(self, rng: np.random.Generator, name: str | None, sprite: Sprite) -> None:
        """Put a thing at the first of some random places where enough of every labeled object stays in sight.

        When there is no such place, the thing is left out of the picture.

        Args:
            rng: Decides on the places; the number of draws is always the same.
            name: Class of a labeled object, ``None`` for clutter.
            sprite: What it looks like.
        """
        height, width = sprite.alpha.shape
        spare = np.array([self.size - width + 2 * _OVERHANG * width, self.size - height + 2 * _OVERHANG * height])
        for x, y in (rng.random((_TRIES, 2)) * spare - _OVERHANG * np.array([width, height])).astype(int).tolist():
            if self._leaves_enough(_Thing(name, sprite, x, y)):
                self.put(name, sprite, x, y)
                return

    def put(self, name: str | None, sprite: Sprite, x: int, y: int) -> None:
        """Put a thing with its left upper corner at (x, y), whatever it hides."""
        thing = _Thing(name, sprite, x, y)
        rows, columns, mask = self._footprint(thing)
        left = self._left_behind(thing)
        self._owner[rows, columns][mask] = len(self._things)
        self._things.append(thing)
        self._seen = [*left, int(np.count_nonzero(mask))]
        self._whole.append(max(1, int(np.count_nonzero(sprite.mask))))

    def instances(self) -> tuple[Instance, ...]:
        """The labeled objects, back to front."""
        return tuple(
            Instance(thing.name, self._owner == k, self._seen[k] / self._whole[k])
            for k, thing in enumerate(self._things)
            if thing.name is not None
        )

    def composite(self, behind: Colors, light: Light) -> Colors:
        """Paint everything over a background, with soft shadows; float32 (size, size, 3) in 0..1."""
        picture = behind.copy()
        for thing in self._things:
            self._cast_shadow(picture, thing, light)
            rows, columns, sprite_rows, sprite_columns = self._window(thing)
            alpha = thing.sprite.alpha[sprite_rows, sprite_columns, None]
            picture[rows, columns] *= 1 - alpha
            picture[rows, columns] += thing.sprite.paint[sprite_rows, sprite_columns]
        return picture

    def _leaves_enough(self, thing: _Thing) -> bool:
        *_, mask = self._footprint(thing)
        if thing.name is not None and np.count_nonzero(mask) < MIN_VISIBLE * np.count_nonzero(thing.sprite.mask):
            return False
        return all(
            other.name is None or seen >= MIN_VISIBLE * whole
            for other, seen, whole in zip(self._things, self._left_behind(thing), self._whole, strict=True)
        )

    def _left_behind(self, thing: _Thing) -> list[int]:
        """Pixels of every earlier thing that stay in sight when this one stands in front."""
        rows, columns, mask = self._footprint(thing)
        hidden = np.bincount(self._owner[rows, columns][mask] + 1, minlength=len(self._things) + 1)[1:]
        return [seen - gone for seen, gone in zip(self._seen, hidden.tolist(), strict=True)]

    def _footprint(self, thing: _Thing) -> tuple[slice, slice, NDArray[np.bool_]]:
        """Rows and columns of the picture that a sprite covers, and which pixels of them are its own."""
        rows, columns, sprite_rows, sprite_columns = self._window(thing)
        return rows, columns, thing.sprite.mask[sprite_rows, sprite_columns]

    def _window(self, thing: _Thing) -> tuple[slice, slice, slice, slice]:
        """Rows and columns of the picture that a sprite covers, and the sprite's rows and columns that fall on them."""
        (height, width), x, y = thing.sprite.alpha.shape, thing.x, thing.y
        top, left = max(0, y), max(0, x)
        bottom, right = max(top, min(self.size, y + height)), max(left, min(self.size, x + width))
        return slice(top, bottom), slice(left, right), slice(top - y, bottom - y), slice(left - x, right - x)

    def _cast_shadow(self, picture: Colors, thing: _Thing, light: Light) -> None:
        """Darken what lies under a thing and, away from the lamp, beside it."""
        longest = max(thing.sprite.alpha.shape)
        margin, shift = max(3, longest // 6), 0.09 * longest / light.direction[2]
        soft: Field = blurred(np.pad(thing.sprite.alpha, margin), max(0.8, longest / 28))
        x, y = (at - margin - toward * shift for at, toward in zip((thing.x, thing.y), light.direction, strict=False))
        shadow = _Thing(None, Sprite(soft[..., None], soft), round(x), round(y))
        rows, columns, shadow_rows, shadow_columns = self._window(shadow)
        picture[rows, columns] *= 1 - light.shadow * soft[shadow_rows, shadow_columns, None]
