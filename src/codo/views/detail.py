"""How much of an object a view still shows: the part that its crop keeps, and the detail that its blur leaves."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from codo.views.cpj import Paste
from codo.views.kernels.render import render
from codo.views.lazy_image import Image
from codo.views.photometric import Photometric

SIDE = 64
"""Longest side in pixels at which detail is compared. An object that is pasted larger is reduced to it first, so that
blur counts in relation to the object: 2 pixels of 168 (a canvas of 224) hide less than 2 of 48 (a canvas of 64)."""


def area_kept(proposal: Image, paste: Paste) -> float:
    """Share of the proposal's area that is inside the crop."""
    left, top, right, bottom = paste.crop
    height, width = proposal.shape[:2]
    return float((right - left) * (bottom - top) / (height * width))


def detail_kept(proposal: Image, paste: Paste) -> float:
    """Share of the fine detail that the blur leaves, in [0, 1], of the very crop that the view shows.

    The crop is rendered at its pasted size with and without blur, without change of color; both are reduced to `SIDE`.
    Detail is the energy of high frequencies: the sum of the squared Laplacian of the gray values. A crop without any
    edge keeps 1.
    """
    if paste.change.sigma == 0:
        return 1.0
    energies = [_energy(_rendered(proposal, paste, sigma)) for sigma in (paste.change.sigma, 0.0)]
    return min(1.0, energies[0] / energies[1]) if energies[1] > 0 else 1.0


def _rendered(proposal: Image, paste: Paste, sigma: float) -> Image:
    left, top, right, bottom = paste.corners
    canvas = np.empty((bottom - top, right - left, 3), np.uint8)
    target = (0, 0, right - left, bottom - top)
    render(proposal, paste.crop, False, Photometric(sigma=sigma).numbers(), canvas, target)
    return canvas


def _energy(image: Image) -> float:
    """Sum of the squared Laplacian of the gray values."""
    scale = SIDE / max(image.shape[:2])
    gray: npt.NDArray[Any] = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    if scale < 1:
        gray = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return float((cv2.Laplacian(gray, cv2.CV_32F)[1:-1, 1:-1] ** 2).sum())  # its border is made up
