"""k-nearest-neighbor classification on frozen features, without training.

The weighted vote of Wu et al. (Unsupervised Feature Learning via Non-Parametric Instance Discrimination, 2018, section
3.4): the ``k`` nearest training samples by cosine similarity ``s`` vote for their class with weight ``exp(s / T)``.

Legend: N training samples, M evaluation samples, F features, C classes.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

NEIGHBORS = 20
TEMPERATURE = 0.07
_CHUNK = 1024  # rows of the similarity matrix at a time


def knn_predict(
    features: Tensor, labels: Tensor, queries: Tensor, classes: int, k: int = NEIGHBORS, t: float = TEMPERATURE
) -> Tensor:
    """Classes by the vote of the nearest training samples.

    Args:
        features: (N, F) of the training samples.
        labels: (N,) int64 in 0..C-1.
        queries: (M, F).
        classes: C.
        k: Number of neighbors; if there are fewer training samples, all of them.
        t: Temperature T of the vote.

    Returns:
        (M,) int64; the lower class if votes are equal.
    """
    bank, found = F.normalize(features.float(), dim=1), []
    for part in torch.split(F.normalize(queries.float(), dim=1), _CHUNK):
        similarity, nearest = (part @ bank.T).topk(min(k, len(bank)), dim=1)  # (m, k)
        votes = torch.zeros(len(part), classes, device=part.device)
        votes.scatter_add_(1, labels[nearest], (similarity / t).exp())
        found.append(votes.argmax(dim=1))
    return torch.cat(found)
