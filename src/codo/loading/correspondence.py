"""Finds pairs of similar objects: the second stage of ORL (Xie et al. 2021), on given proposals.

For every image, the K nearest neighbors are found by the features of the whole image. Between an image and each
neighbor, the T pairs of proposals with the most similar features are kept. A feature is the mean of the backbone's last
map, for the image or for the cropped and resized proposal; similarity is the cosine.

Legend: N images, P largest number of proposals per image, C channels, K neighbors, T pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from codo.loading.object_pairs import ObjectPairs, Pairs

Indices = npt.NDArray[np.int64]

CHUNK = 16
"""Number of images whose proposals go through the network, or are compared, at once."""


def find_pairs(embed: Callable[[Tensor], Tensor], dataset: ObjectPairs, *, neighbors: int, top: float) -> Pairs:
    """Find the pairs of all images.

    Every proposal is embedded once, in the order of the images, so that the same network finds the same pairs. This
    needs 2 N P C bytes (half precision): with a ResNet-50 and 20 proposals per image, 10 GB for COCO.

    Args:
        embed: uint8 (n, S, S, 3) -> (n, C), on any device.
        dataset: Gives images and proposals.
        neighbors: K; fewer if there are fewer other images.
        top: T as a share of P; at least one pair is kept.
    """
    whole, objects, counts = features(embed, dataset)
    nearest = nearest_images(whole, neighbors)
    pairs = max(1, int(top * dataset.compared))
    own, other = (np.empty((*nearest.shape, pairs, 4), np.uint16) for _ in range(2))
    for first in range(0, len(dataset), CHUNK):
        rows = torch.arange(first, min(first + CHUNK, len(dataset)))
        own_index, other_index = most_alike(objects, counts, rows, nearest[rows], pairs)  # (n, K, T)
        for i, row in enumerate(rows.tolist()):
            own[row] = dataset.proposals(row)[own_index[i]]
            for k, neighbor in enumerate(nearest[row].tolist()):
                other[row, k] = dataset.proposals(neighbor)[other_index[i, k]]
    return Pairs(nearest.numpy().astype(np.int32), own, other)


def features(embed: Callable[[Tensor], Tensor], dataset: ObjectPairs) -> tuple[Tensor, Tensor, Tensor]:
    """Unit-length features of images (N, C) and proposals (N, P, C), and the numbers of proposals (N,)."""
    total, whole, objects = len(dataset), torch.empty(0), torch.empty(0)
    counts = torch.zeros(total, dtype=torch.int64)
    with ThreadPoolExecutor() as threads:
        for first in range(0, total, CHUNK):
            crops = list(threads.map(dataset.look, range(first, min(first + CHUNK, total))))
            found = F.normalize(embed(torch.from_numpy(np.concatenate(crops))).float(), dim=1).cpu()
            if not len(whole):
                whole = torch.empty(total, found.shape[1])
                objects = torch.zeros(total, dataset.compared, found.shape[1], dtype=torch.float16)
            for i, one in enumerate(torch.split(found, [len(images) for images in crops]), start=first):
                whole[i], counts[i] = one[0], len(one) - 1
                objects[i, : counts[i]] = one[1:].half()
    return whole, objects, counts


def nearest_images(whole: Tensor, neighbors: int) -> Tensor:
    """The nearest other images of each: (N, C) -> int64 (N, K)."""
    found = []
    for first in range(0, len(whole), 256):
        similarity = whole[first : first + 256] @ whole.T
        similarity[torch.arange(len(similarity)), torch.arange(first, first + len(similarity))] = -torch.inf  # itself
        found.append(similarity.topk(min(neighbors, len(whole) - 1), dim=1).indices)
    return torch.cat(found)


def most_alike(objects: Tensor, counts: Tensor, rows: Tensor, nearest: Tensor, pairs: int) -> tuple[Indices, Indices]:
    """The most similar pairs of proposals of the images ``rows`` (n,) and of their neighbors (n, K).

    Returns:
        Indices of the proposals of the image and of the neighbor, each (n, K, T). If two images have fewer than T
        pairs, the best pair is repeated.
    """
    exists = torch.arange(objects.shape[1]) < counts[:, None]  # (N, P)
    similarity = torch.einsum("npc,nkqc->nkpq", objects[rows].float(), objects[nearest].float())
    both_exist = exists[rows][:, None, :, None] & exists[nearest][:, :, None, :]
    best = similarity.masked_fill(~both_exist, -torch.inf).flatten(2).topk(pairs, dim=2)
    chosen = torch.where(best.values.isfinite(), best.indices, best.indices[..., :1])
    return (chosen // objects.shape[1]).numpy(), (chosen % objects.shape[1]).numpy()
