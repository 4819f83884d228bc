"""One part of a view, the proposal or the background, from decoded pixels into the canvas: one call, no GIL.

Everything between (resample, colour, blur) happens on planes of float32 that nobody else sees; it is rounded once.
"""

from __future__ import annotations

import numpy as np

from codo.catalog.picture import Corners
from codo.proposals.compiled import Ints, kernel
from codo.views.blur import write
from codo.views.colour import adjust
from codo.views.resample import Floats, Image, resample


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
    """Resample a part of an image to a part of the canvas, in other colours and blurred.

    Args:
        image: ``(H, W, 3)``, contiguous.
        source: The part that is taken.
        flip: Whether to mirror left and right.
        steps: Colour steps (`colour.adjust`).
        amounts: Theirs.
        sigma: Of the blur, in pixels of the canvas; 0 for none.
        canvas: ``(S, S, 3)``, contiguous; changed in ``target`` only.
        target: The part that is filled.
    """
    left, top, right, bottom = target
    planes = np.empty((bottom - top, 3, right - left), np.float32)
    resample(image, source[0], source[1], source[2], source[3], flip, planes)
    adjust(planes, steps, amounts)
    write(planes, sigma, canvas, left, top)
