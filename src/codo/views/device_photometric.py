"""Color and blur of a whole batch on the network's device instead of in the loader (``augment.device=device``).

Shapes: ``n`` views, ``S`` side of the canvas; two parts per view, background and proposal, with separate parameters.

The loader then pastes unchanged pixels and sends the parameters that it has drawn (`Deferred`); the same color steps in
the same order are computed here (see kernels/color.py for the formulas). Here a part consists of its visible pixels
only, which makes two differences to the loader: the contrast refers to the mean gray of the visible background, not of
all of it; and near the border of a part the blur averages over existing pixels instead of mirrored or hidden ones.

The host decides which views get which step, because the parameters are there: reading from the device would stall it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from codo.views.kernels.color import BRIGHTNESS, CONTRAST, HUE, SATURATION

STEPS = 4  # color steps of a change, at most


class Deferred(NamedTuple):
    """Parameters of color and blur for ``n`` views; they stay on the host.

    Attributes:
        changes: float32 ``(n, 2, 10)``: for background and proposal, see `codo.views.kernels.color.Change`.
        pasted: float32 ``(n, 4)``: box of the pasted proposal.
    """

    changes: npt.NDArray[np.float32]
    pasted: npt.NDArray[np.float32]


@torch.no_grad()
def finish(images: Tensor, deferred: Deferred) -> Tensor:
    """Apply color and blur to canvases.

    If both parts of a view have the same parameters, it is treated as one part (``cpj.photometric=composite``).

    Args:
        images: uint8 ``(n, S, S, 3)`` on the device, as pasted.
        deferred: Their parameters.

    Returns:
        uint8 ``(n, S, S, 3)``.
    """
    pixels = images.permute(0, 3, 1, 2).float()  # keeps the memory layout: channels last
    differ = (deferred.changes[:, 0] != deferred.changes[:, 1]).any(axis=1, keepdims=True)
    inside = _inside(torch.from_numpy(deferred.pasted * differ).to(images.device), images.shape[1])
    background, proposal = (
        _blur(_color(pixels.clone(), rows, seen), rows, seen)
        for rows, seen in zip(np.moveaxis(deferred.changes, 1, 0), (~inside, inside), strict=True)
    )
    return torch.where(inside, proposal, background).add_(0.5).to(torch.uint8).permute(0, 2, 3, 1)


def _inside(boxes: Tensor, side: int) -> Tensor:
    """Which pixels lie in a box of whole pixels: bool ``(n, 1, S, S)``."""
    at = torch.arange(side, device=boxes.device)
    x1, y1, x2, y2 = boxes.T[..., None]
    columns, rows = (at >= x1) & (at < x2), (at >= y1) & (at < y2)
    inside: Tensor = (rows[:, :, None] & columns[:, None, :])[:, None]
    return inside


def _color(pixels: Tensor, rows: npt.NDArray[np.float32], seen: Tensor) -> Tensor:
    """The color steps of ``(n, 3, S, S)``, in place; ``rows`` ``(n, 10)``."""
    for k in range(STEPS):
        codes, amounts = rows[:, k].astype(int), rows[:, STEPS + k]
        blends = np.isin(codes, (BRIGHTNESS, CONTRAST, SATURATION))
        for index in (np.flatnonzero(codes == HUE), np.flatnonzero(blends)):
            if len(index) == 0:
                continue
            chosen, amount = _index(index, pixels), _column(amounts[index], pixels)
            if codes[index[0]] == HUE:
                pixels[chosen] = _turn_hue(pixels[chosen], amount)
                continue
            part, code = pixels[chosen], _column(codes[index].astype(np.float32), pixels)
            gray = _gray(part)
            visible = seen[chosen]
            mean = ((gray + 0.5).floor() * visible).sum((1, 2, 3), keepdim=True) / visible.sum((1, 2, 3), keepdim=True)
            other = torch.where(code == CONTRAST, (mean + 0.5).floor(), gray) * (code != BRIGHTNESS)
            pixels[chosen] = (amount * part + (1 - amount) * other).clamp_(0, 255)
    if len(index := np.flatnonzero(rows[:, -2])):
        chosen = _index(index, pixels)
        pixels[chosen] = _gray(pixels[chosen]).expand(-1, 3, -1, -1)
    return pixels


def _gray(pixels: Tensor) -> Tensor:
    """ITU-R BT.601 luma ``(n, 1, S, S)``."""
    return 0.299 * pixels[:, :1] + 0.587 * pixels[:, 1:2] + 0.114 * pixels[:, 2:]


def _turn_hue(pixels: Tensor, turn: Tensor) -> Tensor:
    """`color.turn_hue`."""
    red, green, blue = pixels.unbind(1)
    value = pixels.amax(1)
    chroma = value - pixels.amin(1)
    unit = chroma.clamp(min=1e-6).reciprocal()
    hue = torch.where(value == green, (blue - red) * unit + 2, (red - green) * unit + 4)
    hue = torch.where(value == red, (green - blue) * unit, hue)
    hue = (hue + 6 * turn[:, 0]).remainder(6)
    channel_hue = torch.tensor([0.0, 2.0, 4.0], device=pixels.device).view(3, 1, 1)
    distance = (hue[:, None] - channel_hue).abs()
    return value[:, None] - chroma[:, None] * (2 - (3 - distance).abs()).clamp(0, 1)


def _blur(pixels: Tensor, rows: npt.NDArray[np.float32], seen: Tensor) -> Tensor:
    """Gaussian blur of ``(n, 3, S, S)``, in place, over the visible pixels."""
    index = np.flatnonzero(rows[:, -1])
    if len(index) == 0:
        return pixels
    chosen, sigma = _index(index, pixels), rows[index, -1]
    radius = np.ceil(3 * sigma)
    at = np.arange(-radius.max(), radius.max() + 1, dtype=np.float32)
    kernel = np.exp(-0.5 * (at / sigma[:, None]) ** 2) * (np.abs(at) <= radius[:, None])
    weights = torch.from_numpy((kernel / kernel.sum(1, keepdims=True)).astype(np.float32)).to(pixels.device)
    visible = seen[chosen]
    blurred = _separable(torch.cat([pixels[chosen] * visible, visible.float()], 1), weights)
    pixels[chosen] = blurred[:, :3] / blurred[:, 3:].clamp(min=1e-6)
    return pixels


def _separable(pixels: Tensor, weights: Tensor) -> Tensor:
    """Each of ``(m, C, S, S)`` convolved with its own kernel ``(K,)`` in both directions; zeros beyond the border."""
    m, channels, side, _ = pixels.shape
    kernels = weights.repeat_interleave(channels, 0)  # (m C, K)
    flat, reach = pixels.reshape(1, m * channels, side, side), weights.shape[1] // 2
    flat = F.conv2d(flat, kernels[:, None, None, :], padding=(0, reach), groups=m * channels)
    flat = F.conv2d(flat, kernels[:, None, :, None], padding=(reach, 0), groups=m * channels)
    return flat.view(m, channels, side, side)


def _index(index: npt.NDArray[np.int64], like: Tensor) -> Tensor:
    return torch.from_numpy(index).to(like.device, non_blocking=True)


def _column(values: npt.NDArray[np.float32], like: Tensor) -> Tensor:
    """One number per view, ``(n, 1, 1, 1)``."""
    return torch.from_numpy(values).to(like.device, non_blocking=True).view(-1, 1, 1, 1)
