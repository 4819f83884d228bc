"""RoIAlign of torchvision's detectors and its gradient on a CPU, in compiled code.

Legend: B images, C channels, H and W height and width of the map, R boxes, P bins per side, S samples per bin and axis.

torchvision's own code goes through the channels one by one, so that four neighbors are H * W numbers apart; here the
channels are the innermost axis, and each sample combines contiguous vectors. Additions and their order are the same
for every number, so results and gradients are equal to the last bit (on x86-64).

`pool` and `pool_backward` go through the samples in loops of their own: one function for both took 1.9 times as long.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codo.core.jit import kernel

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]

_0, _HALF, _1 = np.array([0, 0.5, 1], np.float32)
_OUTSIDE = -1


@kernel
def sample(start: np.float32, extent: np.float32, length: int, cells: Longs, shares: Floats) -> None:
    """Samples of a box along one axis.

    Args:
        start: Edge of the box, in cells of the map.
        extent: Side of the box.
        length: Cells of the map.
        cells: Output ``(P, S, 2)``: the neighbors of each sample; -1 where it lies more than a cell outside the map.
        shares: Output ``(P, S, 2)``: their weights.
    """
    bins, samples, _ = cells.shape
    side = extent / np.float32(bins)
    for i in range(bins):
        for k in range(samples):
            at = start + np.float32(i) * side + (np.float32(k) + _HALF) * side / np.float32(samples)
            if not -_1 <= at <= np.float32(length):
                cells[i, k, 0] = _OUTSIDE
                continue
            at = max(at, _0)
            cell = min(int(at), length - 1)
            share = at - np.float32(cell) if cell < length - 1 else _0
            cells[i, k, 0], cells[i, k, 1] = cell, min(cell + 1, length - 1)
            shares[i, k, 0], shares[i, k, 1] = _1 - share, share


@kernel
def sample_box(box: Floats, scale: np.float32, size: tuple[int, int], cells: Longs, shares: Floats) -> None:
    """Samples of a box ``(5,)`` along both axes: ``cells`` and ``shares`` ``(2, P, S, 2)``, rows first."""
    left, top = box[1] * scale, box[2] * scale
    height, width = max(box[4] * scale - top, _1), max(box[3] * scale - left, _1)
    sample(top, height, size[0], cells[0], shares[0])
    sample(left, width, size[1], cells[1], shares[1])


@kernel
def pool(maps: Floats, boxes: Floats, chosen: Longs, scale: np.float32, samples: int, pooled: Floats) -> None:
    """Pool boxes from one level.

    Args:
        maps: ``(B, H, W, C)``.
        boxes: ``(R, 5)``: number of the image, x1, y1, x2, y2 in pixels of the image.
        chosen: Which of the boxes.
        scale: Cells of the map per pixel of the image.
        samples: S.
        pooled: Output ``(R, P, P, C)``; only ``chosen`` rows are written.
    """
    bins, channels = pooled.shape[1], pooled.shape[3]
    cells, shares = np.empty((2, bins, samples, 2), np.int64), np.empty((2, bins, samples, 2), np.float32)
    count = np.float32(samples * samples)
    for r in chosen:
        level = maps[int(boxes[r, 0])]
        sample_box(boxes[r], scale, level.shape[:2], cells, shares)
        for i in range(bins):
            for j in range(bins):
                bin_ = pooled[r, i, j]
                bin_[:] = _0
                for k in range(samples):
                    for n in range(samples):
                        (above, below), (left, right) = cells[0, i, k], cells[1, j, n]
                        if above == _OUTSIDE or left == _OUTSIDE:
                            continue
                        (u, v), (s, t) = shares[0, i, k], shares[1, j, n]
                        p, q, x, y = u * s, u * t, v * s, v * t
                        a, b, c, d = level[above, left], level[above, right], level[below, left], level[below, right]
                        for channel in range(channels):
                            bin_[channel] += p * a[channel] + q * b[channel] + x * c[channel] + y * d[channel]
                for channel in range(channels):
                    bin_[channel] /= count


@kernel
def add_share(gradient: Floats, share: np.float32, count: np.float32, cell: Floats) -> None:
    """Add a bin's gradient to one of the cells that it was computed from."""
    for channel in range(len(cell)):
        cell[channel] += gradient[channel] * share / count


@kernel
def pool_backward(
    gradient: Floats, boxes: Floats, chosen: Longs, scale: np.float32, samples: int, maps: Floats
) -> None:
    """Add the gradient of `pool` for its maps.

    Args:
        gradient: Of the pooled boxes, ``(R, P, P, C)``.
        boxes: See `pool`.
        chosen: See `pool`.
        scale: See `pool`.
        samples: See `pool`.
        maps: ``(B, H, W, C)``; changed in place.
    """
    bins = gradient.shape[1]
    cells, shares = np.empty((2, bins, samples, 2), np.int64), np.empty((2, bins, samples, 2), np.float32)
    count = np.float32(samples * samples)
    for r in chosen:
        level = maps[int(boxes[r, 0])]
        sample_box(boxes[r], scale, level.shape[:2], cells, shares)
        for i in range(bins):
            for j in range(bins):
                for k in range(samples):
                    for n in range(samples):
                        (above, below), (left, right) = cells[0, i, k], cells[1, j, n]
                        if above == _OUTSIDE or left == _OUTSIDE:
                            continue
                        (u, v), (s, t) = shares[0, i, k], shares[1, j, n]
                        # One after the other: at the border two of the cells are the same.
                        add_share(gradient[r, i, j], u * s, count, level[above, left])
                        add_share(gradient[r, i, j], u * t, count, level[above, right])
                        add_share(gradient[r, i, j], v * s, count, level[below, left])
                        add_share(gradient[r, i, j], v * t, count, level[below, right])
