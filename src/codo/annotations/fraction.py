"""A random fraction of the labeled images (``data.fraction``), drawn class by class.

Legend: N images, C classes, M objects.

All images are put into one order, and a fraction takes the first ones. So a smaller subset is contained in every larger
one, and the draw depends only on the labels and ``data.fraction_seed``, not on weights, method, workers or the order
of the file. The order is built class by class:

* An image belongs to the stratum of its rarest class (images without objects are a stratum of their own). Within a
  stratum the images are shuffled and spread evenly over (0, 1], from a random offset: systematic sampling, in which
  each image is in a fraction ``f`` with probability ``f`` (Cochran 1977, chapter 8), and each stratum contributes its
  fraction to within one image.
* Before all others comes one image for every class that is not covered yet, the rarest class first: a subset with at
  least as many images as classes contains every class.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from codo.annotations.records import Annotations
from codo.core.rng import RngStream, generator

Ints = npt.NDArray[np.int64]


def labeled_subset(annotations: Annotations, fraction: float, seed: int) -> Ints:
    """Draw a fraction of the images of a data set.

    Args:
        annotations: The whole data set.
        fraction: In (0, 1]; at least one image is drawn.
        seed: Seed of the draw.

    Returns:
        Indices of ``max(1, round(fraction * N))`` images, ascending.
    """
    count = len(annotations)
    if fraction >= 1:
        return np.arange(count, dtype=np.int64)
    return np.sort(draw_order(annotations, seed)[: max(1, int(fraction * count + 0.5))])


def draw_order(annotations: Annotations, seed: int) -> Ints:
    """All images in the order in which growing fractions take them, ``(N,)``."""
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
    """The rank of each image among the sorted file names, ``(N,)``: the same for COCO, VOC and YOLO layouts."""
    names = [str(name).replace("\\", "/") for name in annotations.file_names]
    stems = [name.rpartition("/")[2].rpartition(".")[0] or name for name in names]
    place = np.empty(len(names), dtype=np.int64)
    place[np.lexsort((names, stems))] = np.arange(len(names))
    return place


def _pairs(annotations: Annotations) -> tuple[Ints, Ints]:
    """Pairs of image and class (from 0) with at least one object to train on: two arrays of equal length."""
    rows = np.flatnonzero(annotations.trainable())
    codes = np.unique(annotations.of_image()[rows] * len(annotations.categories) + annotations.labels[rows] - 1)
    images, classes = np.divmod(codes, len(annotations.categories))
    return images, classes


def _spread(stratum: Ints, shuffled: Ints, offsets: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for each image; those of a stratum are equally spaced, in shuffled order."""
    order = np.lexsort((shuffled, stratum))
    sizes = np.bincount(stratum, minlength=len(offsets))
    starts = np.cumsum(sizes) - sizes
    spread = np.empty(len(stratum))
    which = stratum[order]
    spread[order] = (np.arange(len(order)) - starts[which] + offsets[which]) / sizes[which]
    return spread


def _front(images: Ints, ranks: Ints, order: Ints) -> Ints:
    """One image for each class that the images before do not contain, the rarest class (rank 0) first.

    Among the images of a class, it is the first in ``order``.
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
