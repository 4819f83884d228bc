"""Hierarchical grouping of regions (Uijlings et al. 2013, section 3.1, Algorithm 1, Eq. 1-6).

Legend: ``R`` regions of the segmentation, ``F`` histogram bins, ``ONE`` similarity 1.

Starting from a segmentation, the two most similar neighbors are merged until one region is left; every region on the
way is a proposal. A similarity is the sum of up to four terms, each an integer in ``0..ONE``:

    color, texture   sum of min over the L1-normalized histograms (Eq. 2-4)
    size              1 - (|A| + |B|) / |image|: small regions first (Eq. 5)
    fill              1 - (|box of both| - |A| - |B|) / |image|: regions that fit into each other first (Eq. 6)

Similarities are stored in a dense ``(R, R)`` matrix, together with the maximum of each row. A merge changes one row and
column; a row's maximum is recomputed only if it was at one of the two merged regions. Equal similarities are taken in
the order of the lower, then the higher region number; a merged region keeps the lower number.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codo.core.jit import Ints, kernel

ONE = 1 << 20
NOT_NEIGHBORS = -1  # below every similarity


@kernel
def normalize(histogram: Ints, total: int, out: Ints) -> None:
    """Counts to shares of ``total``, in units of ``ONE``, rounded down (one product: IEEE-exact on every machine)."""
    unit = ONE / total
    for f in range(len(histogram)):
        out[f] = np.int32(histogram[f] * unit)


@kernel
def similarity(i: int, j: int, shares: Ints, sizes: Ints, boxes: Ints, area: int, colors: int, terms: Ints) -> int:
    """Similarity of two regions (Eq. 1).

    Args:
        i: One region.
        j: The other.
        shares: ``(R, F)`` normalized histograms: color bins, then texture bins.
        sizes: ``(R,)`` in pixels.
        boxes: ``(R, 4)`` half-open xyxy.
        area: Pixels of the image.
        colors: Number of color bins.
        terms: ``(4,)``, 1 or 0 for each of color, texture, size, fill.

    Returns:
        The sum of the chosen terms, in units of ``ONE``.
    """
    total = 0
    if terms[0]:
        for f in range(colors):
            total += min(shares[i, f], shares[j, f])
    if terms[1]:
        for f in range(colors, shares.shape[1]):
            total += min(shares[i, f], shares[j, f])
    size = np.int64(sizes[i]) + sizes[j]
    if terms[2]:
        total += ONE - size * ONE // area
    if terms[3]:
        width = max(boxes[i, 2], boxes[j, 2]) - min(boxes[i, 0], boxes[j, 0])
        height = max(boxes[i, 3], boxes[j, 3]) - min(boxes[i, 1], boxes[j, 1])
        total += ONE - (np.int64(width) * height - size) * ONE // area
    return total


@kernel
def group(
    histograms: Ints,
    sizes: Ints,
    boxes: Ints,
    neighbors: npt.NDArray[np.bool_],
    area: int,
    channels: int,
    colors: int,
    terms: Ints,
) -> Ints:
    """Boxes of all regions of the hierarchy.

    Args:
        histograms: ``(R, F)`` counts: color bins, then texture bins.
        sizes: ``(R,)`` in pixels.
        boxes: ``(R, 4)`` half-open xyxy.
        neighbors: ``(R, R)``, symmetric, connected.
        area: Pixels of the image.
        channels: Channels of the color space: a pixel counts once per channel in color and in texture.
        colors: Number of color bins.
        terms: ``(4,)``, 1 or 0 for each of color, texture, size, fill.

    Returns:
        ``(2 R - 1, 4)``: the regions of the segmentation, then the merged ones in the order of merging.
    """
    r = len(sizes)
    histograms, sizes, boxes = histograms.copy(), sizes.copy(), boxes.copy()
    shares = np.empty_like(histograms)
    out = np.empty((2 * r - 1, 4), np.int32)
    for i in range(r):
        for side in range(4):  # assigning slices would take seconds to compile
            out[i, side] = boxes[i, side]
        normalize(histograms[i], channels * sizes[i], shares[i])
    similarities = np.full((r, r), NOT_NEIGHBORS, np.int32)
    for i in range(r):
        for j in range(i + 1, r):
            if neighbors[i, j]:
                similarities[i, j] = similarities[j, i] = similarity(i, j, shares, sizes, boxes, area, colors, terms)
    best, partner = np.empty(r, np.int32), np.empty(r, np.int32)
    for i in range(r):
        partner[i] = np.argmax(similarities[i])
        best[i] = similarities[i, partner[i]]

    for step in range(r - 1):
        i = int(np.argmax(best))  # the first of equals, so i < j
        j = partner[i]
        for f in range(histograms.shape[1]):
            histograms[i, f] += histograms[j, f]
        sizes[i] += sizes[j]
        boxes[i, 0], boxes[i, 1] = min(boxes[i, 0], boxes[j, 0]), min(boxes[i, 1], boxes[j, 1])
        boxes[i, 2], boxes[i, 3] = max(boxes[i, 2], boxes[j, 2]), max(boxes[i, 3], boxes[j, 3])
        normalize(histograms[i], channels * sizes[i], shares[i])
        for side in range(4):
            out[r + step, side] = boxes[i, side]

        similarities[i, j] = similarities[j, i] = best[j] = NOT_NEIGHBORS
        for t in range(r):
            if similarities[i, t] == NOT_NEIGHBORS and similarities[j, t] == NOT_NEIGHBORS:
                continue
            similarities[j, t] = similarities[t, j] = NOT_NEIGHBORS
            similarities[i, t] = similarities[t, i] = similarity(i, t, shares, sizes, boxes, area, colors, terms)
            if partner[t] == i or partner[t] == j:  # its maximum no longer exists
                partner[t] = np.argmax(similarities[t])
                best[t] = similarities[t, partner[t]]
            elif similarities[t, i] > best[t] or (similarities[t, i] == best[t] and i < partner[t]):
                partner[t], best[t] = i, similarities[t, i]
        partner[i] = np.argmax(similarities[i])
        best[i] = similarities[i, partner[i]]
    return out
