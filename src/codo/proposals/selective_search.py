"""Selective search (Uijlings et al. 2013): class-independent object boxes from diversified hierarchical grouping.

A search runs `group` for every combination of color space, segmentation threshold ``k`` and set of similarity terms in
its mode, and returns the union of all boxes::

    single    HSV                 k = 200             color + texture + size + fill
    fast      HSV, Lab            k = 150, 300, 450   the same; texture + size + fill
    quality   HSV, Lab, rgI, H, I k = 150, 300, 450   the same two; fill; size

The modes are those of OpenCV's contrib module, but with a deterministic order of boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codo.core.errors import InputError, nearest
from codo.core.jit import Ints, contiguous
from codo.proposals.color import COLOR_SPACES
from codo.proposals.downscale import downscale, search_size
from codo.proposals.grouping import group
from codo.proposals.regions import COLORS, bins, describe
from codo.proposals.segmentation import MAX_PIXELS, contract, segment, sorted_edges
from codo.proposals.smoothing import FRACTION, gaussian_taps, smooth

SIGMA = 0.5  # smoothing before the segmentation
MIN_SIZE = 100  # pixels of the smallest region of a segmentation
MAX_REGIONS = 2048  # bounds the similarity matrix (16 MB) and the histograms (3 MB), see `smallest_region`

ALL = np.array([1, 1, 1, 1], np.int32)  # color, texture, size, fill
NO_COLOR = np.array([0, 1, 1, 1], np.int32)
FILL = np.array([0, 0, 0, 1], np.int32)
ONLY_SIZE = np.array([0, 0, 1, 0], np.int32)


@dataclass(frozen=True)
class Mode:
    """The variations of a search: names of color spaces, increasing thresholds, sets of similarity terms."""

    spaces: tuple[str, ...]
    thresholds: tuple[int, ...]
    strategies: tuple[Ints, ...]


MODES = {
    "single": Mode(("hsv",), (200,), (ALL,)),
    "fast": Mode(("hsv", "lab"), (150, 300, 450), (ALL, NO_COLOR)),
    "quality": Mode(tuple(COLOR_SPACES), (150, 300, 450), (ALL, NO_COLOR, FILL, ONLY_SIZE)),
}


def selective_search(
    image: npt.NDArray[np.uint8], mode: str = "fast", longest_side: int | None = 256
) -> npt.NDArray[np.int32]:
    """Find boxes that may hold an object.

    Args:
        image: RGB, ``(H, W, 3)`` uint8, of any size from one pixel up.
        mode: ``single``, ``fast`` or ``quality``: from few boxes in little time to more and better boxes in more time.
        longest_side: Larger images are downscaled to this longest side for the search; smaller ones are not enlarged.
            ``None`` searches at full size (images above 2**24 pixels are downscaled to that).

    Returns:
        ``(N, 4)`` boxes ``x1, y1, x2, y2``, half-open, in pixels of ``image``, without duplicates, sorted by their
        coordinates in that order. Never empty: the box of the whole image is always included.

    Raises:
        InputError: Not a uint8 RGB image, unknown mode, or a longest side below 1.

    Example:
        >>> import codo, numpy as np
        >>> image = np.full((60, 80, 3), 90, np.uint8)
        >>> image[20:40, 30:60] = 230  # a bright rectangle
        >>> boxes = codo.selective_search(image)
        >>> [30, 20, 60, 40] in boxes.tolist()
        True
    """
    if mode not in MODES:
        raise InputError(
            f"unknown mode '{mode}' of selective search",
            where="selective_search",
            fix=nearest(mode, list(MODES)) or f"one of: {', '.join(MODES)}",
        )
    if longest_side is not None and longest_side < 1:
        raise InputError(f"longest_side is {longest_side}", where="selective_search", fix="give at least 1, or None")
    if not (isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3):
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise InputError(f"not a uint8 RGB image (H, W, 3): {found}", where="selective_search", fix="convert it first")
    if image.size == 0:
        raise InputError(f"an image without pixels: {image.shape}", where="selective_search", fix="leave it out")

    height, width, _ = image.shape
    h, w = search_size(height, width, longest_side, MAX_PIXELS)
    small = contiguous(image) if (h, w) == (height, width) else downscale(contiguous(image), h, w)
    return _to_original(_search(small, MODES[mode]), (w, h), (width, height))


def smallest_region(pixels: int) -> int:
    """The ``min_size`` of the segmentation: at least `MIN_SIZE`, and large enough for at most `MAX_REGIONS` regions.

    Every region has at least this many pixels (the grid is connected, so a smaller one always has a neighbor to merge
    with).
    """
    return max(MIN_SIZE, -(-pixels // MAX_REGIONS))


def _search(image: npt.NDArray[np.uint8], mode: Mode) -> Ints:
    """All boxes of all hierarchies, including duplicates, in pixels of ``image``."""
    h, w, _ = image.shape
    min_size = smallest_region(h * w)
    taps = gaussian_taps(SIGMA)
    found = []
    for space in mode.spaces:
        planes = COLOR_SPACES[space](image)
        smoothed = smooth(planes, taps)
        bin_of = bins(planes, smoothed)
        node_of_pixel, nodes, open_edges = contract(sorted_edges(smoothed), h * w, min(mode.thresholds) << FRACTION)
        for k in mode.thresholds:
            region_of_node, regions = segment(nodes, open_edges, k << FRACTION, min_size)
            labels = region_of_node[node_of_pixel].reshape(h, w)
            described = describe(bin_of, labels, regions)
            for terms in mode.strategies:
                found.append(group(*described, h * w, len(planes), len(planes) * COLORS, terms))
    return np.concatenate(found)


def _to_original(boxes: Ints, searched: tuple[int, int], original: tuple[int, int]) -> npt.NDArray[np.int32]:
    """Scale half-open boxes ``(n, 4)`` between sizes ``(width, height)``, rounding outwards; sort and drop duplicates.

    The arithmetic is exact, so edges of the searched image become edges of the original and all boxes lie inside it.
    """
    small, large = np.array(searched * 2, np.int64), np.array(original * 2, np.int64)
    scaled = boxes * large
    scaled[:, :2] //= small[:2]
    scaled[:, 2:] = -(-scaled[:, 2:] // small[2:])
    order = np.lexsort(scaled.T[::-1])
    scaled = scaled[order]
    first = np.ones(len(scaled), np.bool_)
    first[1:] = (scaled[1:] != scaled[:-1]).any(axis=1)
    return scaled[first].astype(np.int32)
