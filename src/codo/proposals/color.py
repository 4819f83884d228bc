"""The color spaces of selective search (Uijlings et al. 2013, section 3.2), in integers.

``planes``: ``(C, h, w)`` uint8, one plane per channel. HSV and Lab use the usual 8-bit ranges (hue 0..179, all others
0..255; a and b offset by 128), so that a value of ``k`` of the segmentation has a similar effect in all of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from codo.core.jit import Ints, kernel

Image = npt.NDArray[np.uint8]
Planes = npt.NDArray[np.uint8]

BITS = 12  # of linear light and of the matrix below
ROOT_BITS = 14  # of the cube root


def _linear_light() -> Ints:
    """IEC 61966-2-1: sRGB byte -> linear light, 1.0 = 4095."""
    v = np.arange(256) / 255
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    table: Ints = np.rint(linear * (2**BITS - 1)).astype(np.int32)
    return table


def _cube_root() -> Ints:
    """CIE 15: f(t) for t = 0..4095 / 4095, linear near zero."""
    t = np.arange(2**BITS) / (2**BITS - 1)
    root = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    table: Ints = np.rint(root * 2**ROOT_BITS).astype(np.int32)
    return table


def _matrix() -> Ints:
    """Linear sRGB -> XYZ relative to D65 white; rows sum to exactly 1.0 = 4096, so that gray has a = b = 0."""
    xyz = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
    matrix: Ints = np.rint(xyz / xyz.sum(axis=1, keepdims=True) * 2**BITS).astype(np.int32)
    matrix[:, 1] += 2**BITS - matrix.sum(axis=1, dtype=np.int32)
    return matrix


LINEAR, ROOT, TO_XYZ = _linear_light(), _cube_root(), _matrix()


@kernel
def hsv(image: Image) -> Planes:
    """Hue (in steps of two degrees, 0..179), saturation, value."""
    h, w, _ = image.shape
    planes = np.empty((3, h, w), np.uint8)
    for y in range(h):
        for x in range(w):
            r, g, b = np.int32(image[y, x, 0]), np.int32(image[y, x, 1]), np.int32(image[y, x, 2])
            value = max(r, g, b)
            chroma = value - min(r, g, b)
            hue, saturation = np.int32(0), np.int32(0)
            if chroma > 0:
                if value == r:
                    sixths = g - b
                elif value == g:
                    sixths = b - r + 2 * chroma
                else:
                    sixths = r - g + 4 * chroma
                # 30 steps per sixth of the circle, rounded half up; a full turn is added so that // gets no negatives.
                hue = ((60 * (sixths + 6 * chroma) + chroma) // (2 * chroma)) % 180
                saturation = (510 * chroma + value) // (2 * value)
            planes[0, y, x], planes[1, y, x], planes[2, y, x] = hue, saturation, value
    return planes


@kernel
def lab(image: Image) -> Planes:
    """CIE L*a*b* (D65): L scaled to 0..255, a and b offset by 128."""
    h, w, _ = image.shape
    half, unit = 1 << (BITS - 1), 1 << ROOT_BITS
    planes = np.empty((3, h, w), np.uint8)
    for y in range(h):
        for x in range(w):
            r, g, b = LINEAR[image[y, x, 0]], LINEAR[image[y, x, 1]], LINEAR[image[y, x, 2]]
            fx = ROOT[(TO_XYZ[0, 0] * r + TO_XYZ[0, 1] * g + TO_XYZ[0, 2] * b + half) >> BITS]
            fy = ROOT[(TO_XYZ[1, 0] * r + TO_XYZ[1, 1] * g + TO_XYZ[1, 2] * b + half) >> BITS]
            fz = ROOT[(TO_XYZ[2, 0] * r + TO_XYZ[2, 1] * g + TO_XYZ[2, 2] * b + half) >> BITS]
            lightness = (116 * fy - 16 * unit) * 255 // 100
            planes[0, y, x] = max(0, (lightness + unit // 2) >> ROOT_BITS)
            planes[1, y, x] = (500 * (fx - fy) + 128 * unit + unit // 2) >> ROOT_BITS
            planes[2, y, x] = (200 * (fy - fz) + 128 * unit + unit // 2) >> ROOT_BITS
    return planes


@kernel
def rgi(image: Image) -> Planes:
    """Normalized red and green (shares of R + G + B, gray = 85) and intensity (their mean)."""
    h, w, _ = image.shape
    planes = np.empty((3, h, w), np.uint8)
    for y in range(h):
        for x in range(w):
            r, g, b = np.int32(image[y, x, 0]), np.int32(image[y, x, 1]), np.int32(image[y, x, 2])
            total = r + g + b
            if total == 0:  # black has no color: treat it as gray
                planes[0, y, x], planes[1, y, x] = 85, 85
            else:
                planes[0, y, x], planes[1, y, x] = 255 * r // total, 255 * g // total
            planes[2, y, x] = (total + 1) // 3
    return planes


def hue(image: Image) -> Planes:
    """Hue alone, one plane."""
    return np.ascontiguousarray(hsv(image)[:1])


def intensity(image: Image) -> Planes:
    """Intensity alone, one plane."""
    return np.ascontiguousarray(rgi(image)[2:])


COLOR_SPACES: dict[str, Callable[[Image], Planes]] = {
    "hsv": hsv,
    "lab": lab,
    "rgi": rgi,
    "hue": hue,
    "intensity": intensity,
}
