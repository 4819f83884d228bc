"""Cells of maps as samples of a contrast: which are positives of each other, and whether only their places tell them.

Legend: b samples, V views, N cells of a map, C channels of a feature, D embedding.
"""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def most_similar(query: Tensor, key: Tensor) -> Tensor:
    """Index of the key's cell with the feature most similar to each cell of the query: DenseCL, Eq. 3.

    Args:
        query: ``(b, N, C)`` features of length 1.
        key: ``(V - 1, b, N, C)`` features of length 1.

    Returns:
        ``(V - 1, b, N)`` int64.
    """
    with torch.autocast(query.device.type, enabled=False):  # bf16 would make many cells equally similar
        return torch.einsum("bnc,vbmc->vbnm", query, key).argmax(dim=-1)


def place_share(cells: Tensor) -> Tensor:
    """Share of the variance of cells ``(b, N, D)`` that their position in the map explains, from 0 to 1.

    Near the border of a map, padding reveals a cell's position. In small maps, where all cells are near the border,
    cells can be matched by position alone; the negatives (means over cells) then are the same for all images.
    """
    centered = cells - cells.mean(dim=(0, 1))
    return centered.mean(dim=0).square().sum() / centered.square().sum().div(len(cells)).clamp(min=1e-12)
