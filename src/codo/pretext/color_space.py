"""CIE Lab of sRGB colors, and back: white point D65, 2 degree observer, computed on any device.

sRGB: IEC 61966-2-1 (its curve, and its primaries as a matrix to XYZ); Lab: CIE 15. L is 0 to 100; a (green to red) and
b (blue to yellow) are 0 for gray, and within -87 to 99 and -108 to 95 for colors of sRGB.

Legend: the last axis of every tensor has the three channels.
"""

from __future__ import annotations

import torch
from torch import Tensor

TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
"""Linear sRGB to XYZ. A row's sum is XYZ of white, so that equal channels have exactly a = b = 0."""
BREAK = 6 / 29
"""Where Lab's cube root goes over into a line (its cube: of XYZ / white)."""


def to_lab(rgb: Tensor) -> Tensor:
    """L, a, b of sRGB colors from 0 to 1, ``(…, 3)``; computed in float32 also under autocast."""
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)
    matrix = rgb.new_tensor(TO_XYZ)
    matrix = matrix / matrix.sum(dim=1, keepdim=True)
    relative = (linear[..., None, :] * matrix).sum(dim=-1)  # autocast would round a matrix product
    line = relative / (3 * BREAK**2) + 4 / 29
    x, y, z = torch.where(relative > BREAK**3, relative.clamp(min=BREAK**3) ** (1 / 3), line).unbind(-1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=-1)


def to_rgb(lab: Tensor) -> Tensor:
    """L, a, b, ``(…, 3)``, as sRGB; colors that sRGB does not have are cut off at 0 and 1."""
    lightness, a, b = lab.unbind(-1)
    y = (lightness + 16) / 116
    roots = torch.stack([y + a / 500, y, y - b / 200], dim=-1)
    relative = torch.where(roots > BREAK, roots**3, 3 * BREAK**2 * (roots - 4 / 29))
    matrix = lab.new_tensor(TO_XYZ)
    linear = (relative @ torch.linalg.inv(matrix / matrix.sum(dim=1, keepdim=True)).T).clamp(0, 1)
    return torch.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)
