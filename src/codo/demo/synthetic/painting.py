"""Render a figure as pixels: pose, relief, light, pattern, soft edges; and simulate the camera.

A figure is drawn as a map of part numbers at twice the resolution. The distance of every pixel to the nearest border of
a part gives a height (parts look like cushions), the height gives normals, and the normals are shaded by the lamp of
the scene. The cost does not depend on the number of parts.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from codo.demo.synthetic.outlines import Outline, turned
from codo.demo.synthetic.pixels import Bytes, Colors, Field, blurred, clipped, resized
from codo.demo.synthetic.primitives import BODY, DARK, HOLE, LIGHT, SECOND, SLOTS, THIRD, Figure
from codo.demo.synthetic.textures import clouds, color, pattern

SUPERSAMPLING = 2
_P = TypeVar("_P", bound=NDArray[Any])
_SUBPIXEL = 4  # bits of the fixed-point coordinates that cv2.fillPoly takes


class Light(NamedTuple):
    """The lamp of an image: direction towards it (x right, y down, z to the camera), ambient light, shadow strength."""

    direction: tuple[float, float, float]
    ambient: float
    shadow: float


class Pose(NamedTuple):
    """Pose of a figure: longest side in pixels, rotation in radians, linear map applied before the rotation."""

    length: float
    angle: float
    shape: NDArray[np.float64]


class Sprite(NamedTuple):
    """A painted object: colors multiplied by alpha, float32 (h, w, 3), and alpha, float32 (h, w)."""

    paint: Colors
    alpha: Field

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Pixels that the object covers by at least half."""
        return self.alpha >= 0.5


def random_light(rng: np.random.Generator) -> Light:
    """A lamp somewhere above the camera."""
    angle, slope = rng.uniform(-0.85 * np.pi, -0.15 * np.pi), rng.uniform(0.5, 1.1)
    direction = np.array([np.cos(angle) * slope, np.sin(angle) * slope, 1.0])
    x, y, z = direction / np.linalg.norm(direction)
    return Light((float(x), float(y), float(z)), float(rng.uniform(0.35, 0.6)), float(rng.uniform(0.25, 0.6)))


def random_pose(rng: np.random.Generator, length: float, *, lean: float) -> Pose:
    """Mirrored or not, stretched by up to 1.25, sheared, turned by up to ``lean`` radians to either side."""
    stretch, shear = np.exp(rng.uniform(-0.22, 0.22)), rng.uniform(-0.15, 0.15)
    mirror = rng.choice([-1.0, 1.0])
    shape = np.array([[mirror * stretch, shear], [0, 1 / stretch]])
    return Pose(length, rng.uniform(-lean, lean), shape)


def random_palette(rng: np.random.Generator, behind: Colors) -> Colors:
    """Colors of an object's slots, (SLOTS, 3); the body contrasts with the mean color ``behind`` it.

    The number of draws is fixed, so that later draws do not depend on the background.
    """
    bodies = np.stack([color(rng, vivid=0.78, low=0.3) for _ in range(5)])
    contrast = np.abs(bodies - behind).sum(1)
    good = np.flatnonzero(contrast > 0.75)
    palette = np.zeros((SLOTS, 3), np.float32)
    palette[HOLE] = 0
    palette[BODY] = bodies[good[0] if len(good) else int(contrast.argmax())]
    palette[SECOND], palette[THIRD] = color(rng, vivid=0.78, low=0.3), color(rng, vivid=0.78, low=0.25)
    palette[DARK] = color(rng, vivid=0.6, low=0.05, high=0.3)
    palette[LIGHT] = color(rng, vivid=0.25, low=0.75)
    return palette


def paint(rng: np.random.Generator, figure: Figure, pose: Pose, palette: Colors, light: Light) -> Sprite:
    """Draw a figure.

    Args:
        rng: Draws pattern, relief, gloss and wear.
        figure: Parts in painting order.
        pose: Size, rotation and stretch.
        palette: Colors of the slots, (SLOTS, 3).
        light: Lamp of the image.

    Returns:
        The sprite, cropped to the object with a margin of a pixel or two.
    """
    labels = _labels(figure, pose)
    slots = [HOLE, *(part.slot for part in figure)]
    base = _looked_up(labels, palette[slots])
    height, width = base.shape[:2]
    if rng.random() < 0.65:
        strength = np.zeros((SLOTS, 1), np.float32)
        strength[[BODY, SECOND], 0] = rng.uniform(0.25, 0.9), rng.uniform(0, 0.5)
        printed = _looked_up(labels, (palette + strength * (color(rng, vivid=0.8, low=0.15) - palette))[slots])
        base += pattern(rng, height, width, pose.angle)[..., None] * (printed - base)

    normal_x, normal_y, crease = _relief(labels, depth=rng.uniform(0.2, 0.8), steep=rng.uniform(0.7, 1.6))
    lx, ly, lz = light.direction
    length = np.sqrt(normal_x**2 + normal_y**2 + 1)
    facing = np.clip((normal_x * lx + normal_y * ly + lz) / (length * lz), 0, 1.5)
    worn = np.float32(0.88) + np.float32(0.24) * clouds(rng, height, width, 0.3, 2)
    shade = (light.ambient + (1 - light.ambient) * facing) * worn * (1 - rng.uniform(0.2, 0.5) * crease)
    gloss, half = rng.uniform(0, 0.5) * (rng.random() < 0.6), np.array([lx, ly, lz + 1])
    hx, hy, hz = (half / np.linalg.norm(half)).tolist()
    shine = np.clip((normal_x * hx + normal_y * hy + hz) / length, 0, 1) ** 24 - hz**24  # 0 on a surface facing us

    alpha = _halved((labels > 0).astype(np.float32))
    lit = base * shade[..., None] + (gloss * np.clip(shine, 0, 1) * alpha)[..., None]
    return Sprite(clipped(lit), alpha)


def _halved(picture: _P) -> _P:
    """Average blocks of supersampled pixels."""
    return resized(picture, picture.shape[0] // SUPERSAMPLING, picture.shape[1] // SUPERSAMPLING)


def _looked_up(labels: Bytes, colors: Colors) -> Colors:
    """The color of every part, averaged over supersampled pixels; black where there is none, so multiplied by alpha.

    In 8 bits, because table and average then run four times faster than in floating point.
    """
    table = np.zeros((1, 256, 3), np.uint8)
    table[0, : len(colors)] = np.clip(colors * 255 + 0.5, 0, 255)
    table[0, 0] = 0
    colored = cast(Bytes, cv2.LUT(cv2.merge([labels] * 3), table))
    return _halved(colored).astype(np.float32) / np.float32(255)


def _labels(figure: Figure, pose: Pose) -> Bytes:
    """Part number of every supersampled pixel, from 1; 0 is outside."""
    outlines: list[Outline] = [turned(part.outline @ pose.shape.T, pose.angle) for part in figure]
    solid = np.concatenate([o for o, part in zip(outlines, figure, strict=True) if part.slot != HOLE])
    low, high = solid.min(0), solid.max(0)
    # fillPoly also fills the pixels that a border runs through: half a supersampled pixel too much on every side.
    scale = (pose.length * SUPERSAMPLING - 1) / (high - low).max()
    width, height = (np.ceil((high - low) * scale / SUPERSAMPLING).astype(int) + 4) * SUPERSAMPLING
    labels = np.zeros((height, width), np.uint8)
    offset = np.array([width, height]) / 2 - (low + high) / 2 * scale - 0.5
    for number, (outline, part) in enumerate(zip(outlines, figure, strict=True), start=1):
        points = np.round((outline * scale + offset) * 2**_SUBPIXEL).astype(np.int32)
        cv2.fillPoly(labels, [points], 0 if part.slot == HOLE else number, shift=_SUBPIXEL)
    return labels


def _relief(labels: Bytes, *, depth: float, steep: float) -> tuple[Field, Field, Field]:
    """Slopes of the cushions along x and y (normals are ``(x, y, 1)``), and the depth of each pixel in a crease, 0..1.

    ``depth`` is the distance from the borders at which a cushion is flat, relative to the widest part's half width.
    """
    joint = cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    fine = cast(Field, cv2.distanceTransform((joint == 0).astype(np.uint8), cv2.DIST_L2, 3))
    distance = _halved(fine) / np.float32(SUPERSAMPLING)
    radius = max(2.0, depth * float(distance.max()))
    inner = np.clip(1 - distance / np.float32(radius), 0, 1)
    # Without the blur, the ridges of the distance map show as the edges of pyramids.
    cushion = blurred(np.sqrt(1 - inner**2) * np.float32(radius), max(0.6, radius / 4))
    slope_x, slope_y = (cv2.Sobel(cushion, cv2.CV_32F, *axis, ksize=3, scale=-steep / 8) for axis in ((1, 0), (0, 1)))
    return cast(Field, slope_x), cast(Field, slope_y), np.exp(-distance)


def camera(rng: np.random.Generator, picture: Colors) -> Bytes:
    """Simulate a camera: uneven light, white balance, contrast, focus, sensor noise; uint8 (H, W, 3)."""
    height, width = picture.shape[:2]
    side = min(height, width)
    contrast = rng.uniform(0.9, 1.2)
    lamp = rng.uniform(0.8, 1.1, (2, 2, 1)) * rng.uniform(0.94, 1.06, 3) * contrast
    picture = picture * cv2.resize(lamp.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    sigma = rng.uniform(0.2, 0.9) * side / 192
    if sigma > 0.35:
        picture = blurred(picture, sigma)
    grain = rng.standard_normal((height, width), dtype=np.float32) * np.float32(rng.uniform(0.005, 0.022))
    # One shifted noise field for all channels looks like three independent ones, in a third of the time.
    picture += cv2.merge([np.roll(grain, shift, (0, 1)) for shift in ((0, 0), (height // 3, 7), (7, width // 3))])
    picture += np.float32(0.5 - 0.47 * contrast)
    return (clipped(picture) * 255 + 0.5).astype(np.uint8)
