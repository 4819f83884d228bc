"""Procedural textures: patterns on objects and the families of backgrounds.

All values are in 0..1; lengths are fractions of the shorter side, so a background looks the same at every size.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import cv2
import numpy as np

from codo.demo.synthetic.pixels import Colors, Field, blurred, clipped, resized


def color(rng: np.random.Generator, *, vivid: float, low: float = 0.3, high: float = 1.0) -> Colors:
    """A random RGB color (3,): any hue, saturation up to ``vivid``, value between ``low`` and ``high``."""
    rgb = colorsys.hsv_to_rgb(rng.random(), vivid * rng.random() ** 0.8, rng.uniform(low, high))
    return np.array(rgb, np.float32)


def muted(rng: np.random.Generator, *, low: float) -> Colors:
    """A random color (3,) like those of real surfaces: mostly earth, sand, leaf or sky."""
    hue = (0.06, 0.11, 0.25, 0.58, rng.random())[rng.integers(5)] + rng.normal(0, 0.025)
    return np.array(colorsys.hsv_to_rgb(hue % 1, rng.uniform(0.03, 0.5), rng.uniform(low, 0.9)), np.float32)


def noise(rng: np.random.Generator, height: int, width: int, cell: float, *, stretch: float = 1.0) -> Field:
    """Smooth noise with mean 1/2, cells of ``cell`` times the shorter side, ``stretch`` times longer along x."""
    side = min(height, width)
    rows = int(np.clip(height / (cell * side), 1, height)) + 2
    columns = int(np.clip(width / (cell * stretch * side), 1, width)) + 2
    grid = rng.random((rows, columns), dtype=np.float32)
    return resized(grid, height, width)


def clouds(rng: np.random.Generator, height: int, width: int, cell: float = 0.5, octaves: int = 4) -> Field:
    """Fractal noise, scaled to 0..1: every octave has half the cell size and 0.55 of the amplitude of the last."""
    total = noise(rng, height, width, cell)
    for octave in range(1, octaves):
        total += 0.55**octave * noise(rng, height, width, cell / 2**octave)
    return stretched(total)


def stretched(field: Field) -> Field:
    """Scale a field linearly to 0..1."""
    low, high = float(field.min()), float(field.max())
    return (field - low) / max(high - low, 1e-6)


def blend(field: Field, first: Colors, second: Colors) -> Colors:
    """Color ``first`` where the field is 0, ``second`` where it is 1; (H, W, 3)."""
    return first + field[..., None] * (second - first)


def coordinates(rng: np.random.Generator, height: int, width: int, angle: float | None = None) -> tuple[Field, Field]:
    """Coordinates u, v in units of the shorter side, turned by ``angle`` (random by default), with a random origin."""
    angle = float(rng.uniform(0, np.pi)) if angle is None else angle
    unit = np.float32(1 / min(height, width))
    x = np.arange(width, dtype=np.float32) * unit + np.float32(rng.random())
    y = np.arange(height, dtype=np.float32)[:, None] * unit + np.float32(rng.random())
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return x * cos + y * sin, y * cos - x * sin


def pattern(rng: np.random.Generator, height: int, width: int, angle: float) -> Field:
    """A surface pattern: stripes, dots, checks, marble or mottle, rotated by ``angle``; a field in 0..1."""
    u, v = coordinates(rng, height, width, angle)
    kind, count = int(rng.integers(5)), rng.uniform(3, 9)
    wave_u, wave_v = np.sin(2 * np.pi * np.float32(count) * u), np.sin(2 * np.pi * np.float32(count) * v)
    if kind == 0:
        return clipped(0.5 + 3 * (wave_u + np.float32(rng.uniform(-0.6, 0.6))))
    if kind == 1:
        return clipped(4 * (wave_u * wave_v - 0.35))
    if kind == 2:
        return clipped(0.5 + 4 * wave_u * wave_v)
    if kind == 3:
        veins = np.sin(2 * np.pi * np.float32(count / 2) * u + 9 * clouds(rng, height, width, 0.4, 3))
        return clipped(1 - np.abs(veins))
    return clouds(rng, height, width, 0.25, 3)


# --- backgrounds -----------------------------------------------------------------------------------------------------

Family = Callable[[np.random.Generator, int, int], Colors]


def _pair(rng: np.random.Generator, contrast: float = 0.45) -> tuple[Colors, Colors]:
    """Two muted colors of related hue: a base and a darker or lighter mix of it with another."""
    base = muted(rng, low=0.35)
    other = 0.5 * base + 0.5 * muted(rng, low=0.15)
    return base, clipped(other * np.float32(1 + rng.uniform(-contrast, contrast)))


def haze(rng: np.random.Generator, height: int, width: int) -> Colors:
    """Clouds of two colors."""
    return blend(clouds(rng, height, width, rng.uniform(0.3, 0.8), 5), *_pair(rng, 0.6))


def studio(rng: np.random.Generator, height: int, width: int) -> Colors:
    """A plain backdrop: a brightness gradient, slightly uneven."""
    u, _ = coordinates(rng, height, width)
    uneven = np.float32(0.25) * clouds(rng, height, width, 0.7, 3)
    return blend(stretched(u + uneven), *_pair(rng, 0.3))


def planks(rng: np.random.Generator, height: int, width: int) -> Colors:
    """Boards with grain and slightly different tones, with dark gaps between them."""
    count = int(rng.integers(3, 8))
    position = (np.arange(height, dtype=np.float32) / height + np.float32(rng.random())) * count
    board = position.astype(np.int32)
    tone = rng.uniform(0.7, 1.1, 2 * count + 1).astype(np.float32)[board][:, None]
    to_gap = np.minimum(position % 1, 1 - position % 1) * np.float32(min(height, 120) / count)
    gap = np.clip(to_gap, 0.25, 1)[:, None]
    grain = 0.6 * noise(rng, height, width, 0.012, stretch=30) + 0.4 * noise(rng, height, width, 0.05, stretch=12)
    base, _ = _pair(rng)
    wood = clipped(base * (tone * gap * (0.65 + 0.6 * grain))[..., None])
    return np.ascontiguousarray(wood.transpose(1, 0, 2)) if height == width and rng.random() < 0.5 else wood


def stones(rng: np.random.Generator, height: int, width: int) -> Colors:
    """Pebbles: Voronoi cells of random seeds with different tones, rounded, dark at the borders."""
    across = rng.uniform(5, 14)
    seeds = np.ones((height, width), np.uint8)
    count = int(across * across)
    seeds[rng.integers(0, height, count), rng.integers(0, width, count)] = 0
    distance, label = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    tone = rng.uniform(0.0, 1.0, int(label.max()) + 1).astype(np.float32)[label]
    joint = cv2.morphologyEx(label.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    relief = np.clip(1.15 - distance * np.float32(0.9 * across / min(height, width)), 0.2, 1)
    relief[joint] *= 0.6
    return clipped(blend(tone, *_pair(rng, 0.6)) * blurred(relief, max(0.6, min(height, width) / 300))[..., None])


def grass(rng: np.random.Generator, height: int, width: int) -> Colors:
    """Blades: short strokes of many tones, most of them upright, later ones lighter."""
    base, other = _pair(rng, 0.5)
    picture = np.ascontiguousarray(blend(clouds(rng, height, width, 0.3, 2), base * 0.5, other * 0.5))
    count, side, heading = 1300, min(height, width), rng.uniform(0.35, 0.65) * np.pi
    root = rng.random((count, 2)) * [width, height]
    angle, reach = heading + rng.normal(0, 0.45, count), side * rng.uniform(0.03, 0.1, count)
    tip = root + np.stack([np.cos(angle), np.sin(angle)], 1) * reach[:, None]
    light = np.linspace(0.45, 1.0, count)[:, None] * rng.uniform(0.75, 1.1, (count, 1))
    tones = blend(rng.random((1, count), dtype=np.float32), base, other)[0] * light
    ends, thick = np.stack([root, tip], 1).round().astype(int).tolist(), max(1, round(side / 130))
    for (start, end), tone in zip(ends, tones.tolist(), strict=True):
        cv2.line(picture, start, end, tone, thick)
    return clipped(blurred(picture, max(0.4, side / 400)))


def tiles(rng: np.random.Generator, height: int, width: int) -> Colors:
    """Bricks or floor tiles with joints, each of its own tone."""
    u, v = coordinates(rng, height, width, float(rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)])))
    rows, ratio, joint = rng.uniform(4, 9), rng.choice([1.0, 0.5, 0.4]), rng.uniform(0.05, 0.1)
    row = np.floor(v * np.float32(rows))
    across = u * np.float32(rows * ratio) + (np.float32(0.5) * (row % 2) if ratio < 1 else np.float32(0))
    tone = rng.uniform(0, 0.7, (32, 32)).astype(np.float32)[row.astype(int) % 32, np.floor(across).astype(int) % 32]
    inside_v = np.abs((v * np.float32(rows)) % 1 - 0.5) < 0.5 - joint
    inside_u = np.abs(across % 1 - 0.5) < 0.5 - joint * ratio
    base, other = _pair(rng)
    rough = np.float32(0.8) + np.float32(0.3) * clouds(rng, height, width, 0.1, 3)
    wall = blend(tone, base, other)
    wall[~(inside_u & inside_v)] = color(rng, vivid=0.15, low=0.3, high=0.9)
    return clipped(wall * rough[..., None])


def cloth(rng: np.random.Generator, height: int, width: int) -> Colors:
    """A woven check with folds."""
    u, v = coordinates(rng, height, width)
    count = np.float32(rng.uniform(2, 6) * 2 * np.pi)
    check = 0.5 + 0.25 * (np.tanh(4 * np.sin(count * u)) + np.tanh(4 * np.sin(count * v)))
    folds = np.float32(0.6) + np.float32(0.5) * noise(rng, height, width, 0.25, stretch=2.5)
    weave = np.float32(0.95) + np.float32(0.1) * rng.random((height, width), dtype=np.float32)
    return clipped(blend(check, *_pair(rng)) * (folds * weave)[..., None])


def bokeh(rng: np.random.Generator, height: int, width: int) -> Colors:
    """Defocused discs of light over a dark blur; drawn at half size, because there is no detail in it."""
    h, w, side = (height + 1) // 2, (width + 1) // 2, min(height, width) / 2
    base, other = _pair(rng, 0.6)
    picture = np.ascontiguousarray(blend(clouds(rng, h, w, 0.7, 2), base * 0.45, other * 0.7))
    for _ in range(int(rng.integers(8, 20))):
        disc = np.zeros((h, w), np.float32)
        center = (int(rng.integers(w)), int(rng.integers(h)))
        cv2.circle(disc, center, int(side * rng.uniform(0.03, 0.11)), float(rng.uniform(0.1, 0.4)), -1, cv2.LINE_AA)
        picture += disc[..., None] * color(rng, vivid=0.6, low=0.6)
    return clipped(resized(blurred(picture, side / 60), height, width))


def dunes(rng: np.random.Generator, height: int, width: int) -> Colors:
    """Ripples bent by noise: sand, water, wood of a cut trunk."""
    u, _ = coordinates(rng, height, width)
    bent = u * np.float32(rng.uniform(5, 14)) + np.float32(rng.uniform(1, 3)) * clouds(rng, height, width, 0.5, 3)
    return blend(np.float32(0.5) + np.float32(0.5) * np.sin(2 * np.pi * bent), *_pair(rng, 0.3))


FAMILIES: dict[str, Family] = {
    family.__name__: family for family in (haze, studio, planks, stones, grass, tiles, cloth, bokeh, dunes)
}


def room(rng: np.random.Generator, height: int, width: int) -> Colors:
    """One family above a horizon and another below it: a wall over a floor, a sky over land."""
    above, below = rng.choice(list(FAMILIES), 2, replace=False)
    horizon = int(height * rng.uniform(0.35, 0.7))
    picture = FAMILIES[above](rng, height, width)
    picture[horizon:] = FAMILIES[below](rng, height, width)[horizon:]
    shade = np.float32(1) - np.float32(0.45) * np.exp(-np.abs(np.arange(height) - horizon) / (0.05 * height))
    return picture * shade.astype(np.float32)[:, None, None]


def background(rng: np.random.Generator, height: int, width: int) -> tuple[Colors, str]:
    """A procedural background of a random family, and the family's name."""
    name = str(rng.choice([*FAMILIES, "room", "room"]))
    picture = room(rng, height, width) if name == "room" else FAMILIES[name](rng, height, width)
    return clipped(picture), name
