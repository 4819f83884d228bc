"""One part of a view, the proposal or the background, from decoded pixels into the canvas: one call, no GIL.

Everything between (resample, color, blur) happens on planes of float32 that nobody else sees; it is rounded once. They
are filled and read once each: colors change on the way in and on the way out, where the contrast, which needs the mean
gray of the whole, parts the two.
"""

from __future__ import annotations

import numpy as np

from codo.core.jit import Ints, kernel
from codo.views.kernels.blur import write
from codo.views.kernels.color import Floats, before_contrast, contrast_offset
from codo.views.kernels.resample import Image, resample
from codo.views.lazy_image import Corners


@kernel
def render(
    image: Image,
    source: Corners,
    flip: bool,
    steps: Ints,
    amounts: Floats,
    sigma: float,
    canvas: Image,
    target: Corners,
) -> None:
    """Resample a part of an image to a part of the canvas, in other colors and blurred.

    Args:
        image: ``(H, W, 3)``, contiguous.
        source: The part that is taken.
        flip: Whether to mirror left and right.
        steps: Color steps (`color.change`), contrast at most once.
        amounts: Theirs.
        sigma: Of the blur, in pixels of the canvas; 0 for none.
        canvas: ``(S, S, 3)``, contiguous; changed in ``target`` only.
        target: The part that is filled.
    """
    left, top, right, bottom = target
    planes, offset = np.empty((bottom - top, 3, right - left), np.float32), np.float32(0)
    before = before_contrast(steps)
    has_contrast = before < len(steps)
    gray = resample(image, source, flip, planes, steps[:before], amounts[:before], has_contrast)
    if has_contrast:
        offset = contrast_offset(gray, (bottom - top) * (right - left), amounts[before])
    write(planes, steps[before:], amounts[before:], offset, sigma, canvas, left, top)
