"""Resampling a part of an image to any size: the antialiased bilinear filter of Pillow, which MoCo's pipeline used.

A pixel of the result is a weighted mean of source pixels. The weights fall linearly from the pixel's center to zero at
a distance of one pixel: a pixel of the result when shrinking, so that no source pixel is skipped, and a pixel of the
source when enlarging, which is bilinear interpolation. Rows are combined first, then columns, in float32.

Legend: ``H, W`` source, ``h, w`` result, ``planes`` float32 ``(h, 3, w)`` in 0..255: rows of each color.

What makes it fast (docs/performance.md has the gains):

* The first pass treats a row of pixels as ``3 W`` bytes and runs over contiguous memory. Four source rows are combined
  at once: reading and writing back the sum for every single row would be limited by memory.
* The second pass computes the three colors of a pixel at once (mix.py) and writes them to planes: everything after it
  (color, blur) works on contiguous rows of one color, which the compiler turns into vector instructions.
* Color steps are applied to a row as soon as it is computed, while it is in the L1 cache.
* Flipping costs nothing: only the table of weights is reversed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codo.core.jit import Ints, kernel
from codo.views.kernels.color import Floats, change, sum_of_gray
from codo.views.kernels.mix import mix
from codo.views.lazy_image import Corners

Image = npt.NDArray[np.uint8]

GROUP = 4  # source pixels that are combined at once
_0 = np.float32(0)


@kernel
def weigh(source: int, result: int) -> tuple[Ints, Floats]:
    """The source pixels of every pixel of the result, and their weights.

    Args:
        source: Number of source pixels along this axis.
        result: Number of pixels of the result along this axis.

    Returns:
        The first source pixel ``(result,)``, and weights ``(result, n)`` of it and the following ones, which sum to 1.
        ``n`` is 2 or a multiple of `GROUP`; weights of pixels beyond the source are zero.
    """
    scale = source / result
    reach = max(scale, 1.0)
    most = 2 if reach == 1 else (int(2 * reach) + GROUP) // GROUP * GROUP
    first = np.empty(result, np.int32)
    weights = np.zeros((result, most), np.float32)
    for i in range(result):
        center = (i + 0.5) * scale
        low, high = max(int(center - reach + 0.5), 0), min(int(center + reach + 0.5), source)
        total = 0.0
        for k in range(high - low):
            total += max(0.0, 1 - abs(low + k + 0.5 - center) / reach)
        for k in range(high - low):
            weights[i, k] = max(0.0, 1 - abs(low + k + 0.5 - center) / reach) / total
        first[i] = low
    return first, weights


@kernel
def combine_rows(source: Image, first: int, weights: Floats, left: int, row: Floats) -> None:
    """``row = sum_k weights[k] source[first + k, left : left + len(row)]``; rows beyond the last have weight zero."""
    last, width = len(source) - 1, len(row)
    for k in range(0, len(weights), GROUP):
        a = source[min(first + k, last), left : left + width]
        b = source[min(first + k + 1, last), left : left + width]
        if len(weights) == 2:
            p, q = weights[0], weights[1]
            for i in range(width):
                row[i] = p * a[i] + q * b[i]
            return
        c = source[min(first + k + 2, last), left : left + width]
        d = source[min(first + k + 3, last), left : left + width]
        p, q, r, s = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        if k == 0:
            for i in range(width):
                row[i] = p * a[i] + q * b[i] + r * c[i] + s * d[i]
        else:
            for i in range(width):
                row[i] += p * a[i] + q * b[i] + r * c[i] + s * d[i]


@kernel
def combine_columns(row: Floats, first: Ints, weights: Floats, planes: Floats) -> None:
    """The pixels ``(3, w)`` of one row of the result; ``first`` is an index into ``row`` (three values per pixel)."""
    if weights.shape[1] == 2:
        for x in range(planes.shape[1]):
            pair = (weights[x, 0], weights[x, 1])
            planes[0, x], planes[1, x], planes[2, x] = mix(row, np.uint32(first[x]), pair)
        return
    for x in range(planes.shape[1]):
        four = (weights[x, 0], weights[x, 1], weights[x, 2], weights[x, 3])
        planes[0, x], planes[1, x], planes[2, x] = mix(row, np.uint32(first[x]), four)
    for k in range(GROUP, weights.shape[1]):  # shrinking to half or less, one at a time: the order of the sums
        for x in range(planes.shape[1]):
            red, green, blue = mix(row, np.uint32(first[x] + 3 * k), (weights[x, k],))
            planes[0, x] += red
            planes[1, x] += green
            planes[2, x] += blue


@kernel
def resample(
    image: Image, source: Corners, flip: bool, planes: Floats, steps: Ints, amounts: Floats, sum_gray: bool
) -> int:
    """Resample a part of an image, and apply color steps to each row while it is in the cache.

    Args:
        image: ``(H, W, 3)``, contiguous.
        source: The part of the image.
        flip: Whether to flip horizontally.
        planes: Output ``(h, 3, w)``.
        steps: Color steps (`color.change`), without contrast.
        amounts: Amounts of the steps.
        sum_gray: Whether to sum up the gray of the result.

    Returns:
        The sum of the gray of all pixels, or 0.
    """
    left, top, right, bottom = source
    lines = image.reshape(image.shape[0], image.shape[1] * 3)[:bottom]
    h, _, w = planes.shape
    first_row, row_weights = weigh(bottom - top, h)
    first_column, column_weights = weigh(right - left, w)
    first_column *= 3
    if flip:
        first_column, column_weights = first_column[::-1].copy(), column_weights[::-1].copy()
    width, gray = 3 * (right - left), 0
    row = np.zeros(width + 3 * column_weights.shape[1] + 1, np.float32)  # weights of zero reach beyond the part
    for y in range(h):
        combine_rows(lines, top + first_row[y], row_weights[y], 3 * left, row[:width])
        combine_columns(row, first_column, column_weights, planes[y])
        change(planes[y], steps, amounts, _0)
        if sum_gray:
            gray += sum_of_gray(planes[y])
    return gray
