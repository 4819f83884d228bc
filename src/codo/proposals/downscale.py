"""Exact area-averaging resize, in integers.

Every output pixel is the mean of the input rectangle that it covers, with partly covered pixels weighted by the covered
share. In units of ``1/h`` rows and ``1/w`` columns of the input all overlaps are integers, and a mean is one exact sum
divided by ``H W``. The resize functions of libraries differ in the last bit between versions and processors; proposals
must not.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codo.core.jit import kernel


def search_size(height: int, width: int, longest_side: int | None, max_pixels: int) -> tuple[int, int]:
    """The size ``(h, w)`` at which an image is searched; never larger than the image.

    Args:
        height: Rows of the image.
        width: Columns of the image.
        longest_side: Longest side of the result; ``None`` keeps the size.
        max_pixels: Largest number of pixels of the result, for any ``longest_side``.

    Returns:
        Height and width, each at least 1, in the image's aspect ratio up to rounding.
    """
    long = max(height, width)
    target = long if longest_side is None else min(longest_side, long)
    while True:
        h, w = (max(1, (2 * side * target + long) // (2 * long)) for side in (height, width))  # rounded half up
        if h * w <= max_pixels:
            return h, w
        target = min(target - 1, int(target * (max_pixels / (h * w)) ** 0.5))


@kernel
def downscale(image: npt.NDArray[np.uint8], h: int, w: int) -> npt.NDArray[np.uint8]:
    """Area-average an image to a size that is not larger in either direction.

    Args:
        image: ``(H, W, 3)``.
        h: Rows of the result, at most ``H``.
        w: Columns of the result, at most ``W``.

    Returns:
        ``(h, w, 3)``, means rounded half up.
    """
    height, width, _ = image.shape
    rows = image.reshape(height, width * 3)
    area = float(height * width)
    out = np.empty((h, w, 3), np.uint8)
    column = np.empty(width * 3, np.int32)  # the input rows under one output row, summed: at most 255 H
    for y in range(h):
        column[:] = 0
        top, bottom = y * height, (y + 1) * height
        for source in range(top // h, (bottom + h - 1) // h):
            overlap = np.int32(min((source + 1) * h, bottom) - max(source * h, top))
            for i in range(width * 3):
                column[i] += overlap * rows[source, i]
        for x in range(w):
            left, right = x * width, (x + 1) * width
            red, green, blue = 0, 0, 0
            for source in range(left // w, (right + w - 1) // w):
                overlap = min((source + 1) * w, right) - max(source * w, left)
                red += overlap * column[3 * source]
                green += overlap * column[3 * source + 1]
                blue += overlap * column[3 * source + 2]
            # The sums are exact below 2**53, so this division is the only rounding.
            out[y, x, 0] = np.uint8(red / area + 0.5)
            out[y, x, 1] = np.uint8(green / area + 0.5)
            out[y, x, 2] = np.uint8(blue / area + 0.5)
    return out
