"""Gaussian blur of planes, written directly into the canvas.

Legend: ``planes`` float32 ``(h, 3, w)`` in 0..255 (see resample.py), ``R`` radius.

The kernel reaches ``ceil(3 sigma)`` pixels to each side, which covers 99.7% of a Gaussian; beyond the border the image
is mirrored (without repeating the border). For each row of the result, the columns are blurred first, which gives one
row; that row is then blurred horizontally and written out, so no intermediate image is stored. Both passes treat the
three colors at once, use each weight for the two pixels at that distance, and add two distances in one loop.
"""

from __future__ import annotations

import numpy as np

from codo.core.jit import Ints, kernel
from codo.views.kernels.color import Floats, change
from codo.views.kernels.resample import Image

_HALF = np.float32(0.5)


@kernel
def gaussian(sigma: float) -> Floats:
    """Weights of the distances 0, 1, …, R; over all pixels they sum to 1. R is even: the last weight may be zero."""
    radius = int(np.ceil(3 * sigma))
    weights = np.zeros(radius + radius % 2 + 1, np.float32)
    total = 0.0
    for k in range(-radius, radius + 1):
        total += np.exp(-0.5 * (k / sigma) ** 2)
    for k in range(radius + 1):
        weights[k] = np.exp(-0.5 * (k / sigma) ** 2) / total
    return weights


@kernel
def mirrored(i: int, n: int) -> int:
    """The index in ``0..n-1`` for position ``i``, which may lie beyond either border."""
    if 0 <= i < n:
        return i
    if n == 1:
        return 0
    i = abs(i) % (2 * n - 2)
    return i if i < n else 2 * n - 2 - i


@kernel
def add(source: Floats, before: Ints, after: Ints, weights: Floats, out: Floats) -> None:
    """``out[i] = sum_k weights[k] (source[before[k] + i] + source[after[k] + i])``, distance 0 counted once.

    Args:
        source: Rows, one after the other.
        before: Index where the values of each distance begin on one side, ``(R + 1,)``.
        after: The same for the other side.
        weights: From `gaussian`.
        out: Output.
    """
    n = len(out)
    for k in range(1, len(weights), 2):
        a, b = source[before[k] : before[k] + n], source[after[k] : after[k] + n]
        c, d = source[before[k + 1] : before[k + 1] + n], source[after[k + 1] : after[k + 1] + n]
        p, q = weights[k], weights[k + 1]
        if k == 1:
            center, o = source[before[0] : before[0] + n], weights[0]
            for i in range(n):
                out[i] = o * center[i] + p * (a[i] + b[i]) + q * (c[i] + d[i])
        else:
            for i in range(n):
                out[i] += p * (a[i] + b[i]) + q * (c[i] + d[i])


@kernel
def write_row(red: Floats, green: Floats, blue: Floats, out: Image) -> None:
    """A row of three planes as pixels ``(3 w,)``, rounded."""
    for i in range(len(red)):
        out[3 * i] = np.uint8(np.int32(red[i] + _HALF))
        out[3 * i + 1] = np.uint8(np.int32(green[i] + _HALF))
        out[3 * i + 2] = np.uint8(np.int32(blue[i] + _HALF))


@kernel
def write(
    planes: Floats, steps: Ints, amounts: Floats, offset: np.float32, sigma: float, canvas: Image, x: int, y: int
) -> None:
    """Change the colors of planes, blur them and round them into a canvas.

    Args:
        planes: ``(h, 3, w)``; their colors are changed in place.
        steps: Color steps (`color.change`).
        amounts: Amounts of the steps.
        offset: Offset of the contrast step.
        sigma: Standard deviation of the blur; 0 for none.
        canvas: ``(S, S, 3)``.
        x: Column of the canvas where the planes begin.
        y: Row of the canvas where the planes begin.
    """
    h, _, w = planes.shape
    pixels = canvas.reshape(canvas.shape[0], canvas.shape[1] * 3)[y : y + h]
    if sigma <= 0:
        for row in range(h):
            change(planes[row], steps, amounts, offset)
            write_row(planes[row, 0], planes[row, 1], planes[row, 2], pixels[row, 3 * x : 3 * (x + w)])
        return
    weights = gaussian(sigma)
    radius = len(weights) - 1
    pitch = w + 2 * radius  # of a row with its mirrored ends
    flat, column = planes.reshape(h * 3 * w), np.empty(3 * w, np.float32)
    wide, blurred = np.empty(3 * pitch, np.float32), np.empty(3 * pitch, np.float32)
    left, right = np.arange(radius, -1, -1).astype(np.int32), np.arange(radius, 2 * radius + 1).astype(np.int32)
    above, below = np.empty_like(left), np.empty_like(left)
    low, high = np.empty(radius, np.int32), np.empty(radius, np.int32)
    for i in range(radius):
        low[i], high[i] = mirrored(i - radius, w), mirrored(w + i, w)
    changed = 0
    for row in range(h):
        while changed < min(h, row + radius + 1):  # all rows that the blur of this row needs
            change(planes[changed], steps, amounts, offset)
            changed += 1
        for k in range(radius + 1):
            above[k], below[k] = 3 * w * mirrored(row - k, h), 3 * w * mirrored(row + k, h)
        add(flat, above, below, weights, column)
        for channel in range(3):
            part, into = column[channel * w : (channel + 1) * w], wide[channel * pitch : (channel + 1) * pitch]
            middle, end = into[radius : radius + w], into[radius + w :]
            for i in range(w):
                middle[i] = part[i]
            for i in range(radius):
                into[i], end[i] = part[low[i]], part[high[i]]
        add(wide, left, right, weights, blurred[: 3 * pitch - 2 * radius])
        red, green, blue = blurred[:w], blurred[pitch : pitch + w], blurred[2 * pitch : 2 * pitch + w]
        write_row(red, green, blue, pixels[row, 3 * x : 3 * (x + w)])
