"""Against chromatic aberration: lenses magnify colors differently, so a patch's color fringes tell where it was.

Doersch et al. 2015 found networks that learn nothing else. Their remedies are dropping two of the three channels, and
projecting the colors on the plane without green - magenta; Noroozi and Favaro 2016 shift the channels at random.

Legend: n patches, P side of a patch.
"""

from __future__ import annotations

import numpy as np

from codo.views.lazy_image import Image

MIDDLE = 128
"""Gray that dropped channels are filled with."""


def drop_channels(patches: Image, rng: np.random.Generator) -> Image:
    """Keep one channel of each patch; the others become noise with a hundredth of its deviation.

    Args:
        patches: ``(n, P, P, 3)``.
        rng: Source of randomness.

    Returns:
        A new array ``(n, P, P, 3)``.
    """
    found = np.empty_like(patches)
    for patch, kept, channel in zip(patches, found, rng.integers(0, 3, len(patches)).tolist(), strict=True):
        deviation = float(patch[..., channel].std()) / 100
        noise = rng.standard_normal(patch.shape, dtype=np.float32)
        kept[:] = np.rint(MIDDLE + deviation * noise).clip(0, 255)
        kept[..., channel] = patch[..., channel]
    return found


def project_colors(patches: Image) -> Image:
    """Remove green - magenta: pixels times ``I - a a' / a'a`` with a = (-1, 2, -1), rounded, cut off at 0 and 255."""
    axis = np.array([-1.0, 2.0, -1.0], np.float32)
    matrix = np.eye(3, dtype=np.float32) - np.outer(axis, axis) / (axis @ axis)
    return np.asarray(np.rint(patches @ matrix).clip(0, 255), np.uint8)


def shift_channels(patches: Image, reach: int, rng: np.random.Generator) -> Image:
    """Shift each channel of each patch by up to ``reach`` pixels in both directions; border pixels are repeated.

    Returns:
        A new array ``(n, P, P, 3)``.
    """
    side = patches.shape[1]
    found = np.empty_like(patches)
    shifts = rng.integers(-reach, reach, (len(patches), 3, 2), endpoint=True)
    for number, channels in enumerate(shifts.tolist()):
        for channel, (down, right) in enumerate(channels):
            rows, columns = (np.arange(side) + shift for shift in (down, right))
            moved = patches[number, :, :, channel][rows.clip(0, side - 1)][:, columns.clip(0, side - 1)]
            found[number, :, :, channel] = moved
    return found
