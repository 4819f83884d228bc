"""Render one part of a view (proposal or background) from decoded pixels into the canvas: one call, no GIL.

All steps (resample, color, blur) work on private float32 planes, which are rounded once, at the end. The planes are
written once and read once: color steps before the contrast are applied when rows are written, the contrast and later
steps when they are read, because the contrast needs the mean gray of the whole part.
"""

from __future__ import annotations

import numpy as np

from codo.core.jit import kernel
from codo.views.kernels.blur import write
from codo.views.kernels.color import SIGMA, Change, before_contrast, coded, contrast_offset
from codo.views.kernels.resample import Image, resample
from codo.views.lazy_image import Corners


@kernel
def render(
    image: Image,
    source: Corners,
    flip: bool,
    change: Change,
    canvas: Image,
    target: Corners,
) -> None:
    """Resample a part of an image into a part of the canvas, with color steps and blur.

    Args:
        image: ``(H, W, 3)``, contiguous.
        source: The part of the image.
        flip: Whether to flip horizontally.
        change: Color and blur; contrast at most once, and sigma in pixels of the canvas.
        canvas: ``(S, S, 3)``, contiguous; changed in ``target`` only.
        target: The part of the canvas.
    """
    left, top, right, bottom = target
    planes, offset = np.empty((bottom - top, 3, right - left), np.float32), np.float32(0)
    steps, amounts = coded(change)
    before = before_contrast(steps)
    has_contrast = before < len(steps)
    gray = resample(image, source, flip, planes, steps[:before], amounts[:before], has_contrast)
    if has_contrast:
        offset = contrast_offset(gray, (bottom - top) * (right - left), amounts[before])
    write(planes, steps[before:], amounts[before:], offset, change[SIGMA], canvas, left, top)
