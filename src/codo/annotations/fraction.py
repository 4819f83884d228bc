"""A share of the labeled images, drawn so that shares can be compared (``data.fraction``).

Legend: N images, C classes, M objects.

All images get one place in an order; a fraction takes the first of it. So a smaller set lies within every larger one,
and nothing but the labels and ``data.fraction_seed`` decides: neither weights, method, workers nor the order of the
file. The order is made class by class:

* An image belongs to the stratum of its rarest class (images without objects are a stratum of their own). Within a
  stratum the images are shuffled and spread evenly over (0, 1], from a random offset: systematic sampling, in which
  each image is in a share ``f`` with probability ``f`` (Cochran 1977, chapter 8), and each stratum gives its share to
  within one image.
* In front of all stands, for every class that needs it, one image, the rarest class first: as soon as there are as many
  images as classes, every class has one.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from codo.annotations.records import Annotations
from codo.core.rng import RngStream, generator

Ints = npt.NDArray[np.int64]


def labeled_subset(annotations: Annotations, fraction: float, seed: int) -> Ints:
    """The images of a share of a data set.

    Args:
        annotations: The whole data set.
        fraction: The share, in (0, 1]; at least one image is drawn.
        seed: Which draw.

    Returns:
        Indices of ``max(1, round(fraction * N))`` images, rising.
    """
    count = len(annotations)
    if fraction >= 1:
        return np.arange(count, dtype=np.int64)
    return np.sort(draw_order(annotations, seed)[: max(1, int(fraction * count + 0.5))])


def draw_order(annotations: Annotations, seed: int) -> Ints:
    """All images in the order in which larger and larger shares take them, ``(N,)``."""
    place = _canonical(annotations)
    images, classes = _pairs(annotations)
    shuffled = generator(seed, 0, 0, RngStream.LABELS).permutation(len(place))[place]  # a random number per image
    sizes = np.bincount(classes, minlength=len(annotations.categories))
    names = np.array([category.name for category in annotations.categories])
    ranked = np.lexsort((names, sizes, sizes == 0))  # classes, the rarest first, those without images last
    rank = np.empty_like(ranked)
    rank[ranked] = np.arange(len(ranked))

    stratum = np.full(len(place), len(rank))
    np.minimum.at(stratum, images, rank[classes])
    stratum = (stratum + 1) % (len(rank) + 1)  # 0 for images without objects: classes without images change no offset
    spread = _spread(stratum, shuffled, generator(seed, 1, 0, RngStream.LABELS).random(len(rank) + 1))
    order = np.lexsort((shuffled, spread))
    front = _front(images, rank[classes], order)
    rest = order[~np.isin(order, front)]
    return np.concatenate([front, rest]).astype(np.int64)


def _canonical(annotations: Annotations) -> Ints:
    """The place of each image among the sorted file names, ``(N,)``: the same in COCO's, VOC's and YOLO's layout."""
    names = [str(name).replace("\\", "/") for name in annotations.file_names]
    stems = [name.rpartition("/")[2].rpartition(".")[0] or name for name in names]
    place = np.empty(len(names), dtype=np.int64)
    place[np.lexsort((names, stems))] = np.arange(len(names))
    return place


def _pairs(annotations: Annotations) -> tuple[Ints, Ints]:
    """Every image with each class (from 0) that can be learned from it: two arrays of one length."""
    rows = np.flatnonzero(annotations.trainable())
    codes = np.unique(annotations.of_image()[rows] * len(annotations.categories) + annotations.labels[rows] - 1)
    images, classes = np.divmod(codes, len(annotations.categories))
    return images, classes


def _spread(stratum: Ints, shuffled: Ints, offsets: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for each image: those of a stratum lie at equal distances, in shuffled order."""
    order = np.lexsort((shuffled, stratum))
    sizes = np.bincount(stratum, minlength=len(offsets))
    starts = np.cumsum(sizes) - sizes
    spread = np.empty(len(stratum))
    which = stratum[order]
    spread[order] = (np.arange(len(order)) - starts[which] + offsets[which]) / sizes[which]
    return spread


def _front(images: Ints, ranks: Ints, order: Ints) -> Ints:
    """One image for each class that those before do not show, the rarest class (rank 0) first.

    Of the images of a class it is the one that comes first in ``order``.
    """
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    by_rank = np.lexsort((place[images], ranks))
    starts = np.searchsorted(ranks[by_rank], np.arange(ranks.max(initial=-1) + 2))
    by_image = np.argsort(images, kind="stable")
    covered: set[int] = set()
    front: list[int] = []
    for rank, (start, stop) in enumerate(pairwise(starts)):
        if rank in covered or start == stop:
            continue
        image = int(images[by_rank[start]])
        front.append(image)
        low, high = np.searchsorted(images[by_image], [image, image + 1])
        covered.update(ranks[by_image[low:high]].tolist())
    return np.array(front, dtype=np.int64)
