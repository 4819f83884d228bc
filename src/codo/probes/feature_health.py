"""How much features can tell apart, without labels: effective rank, dead units and spread of what will be exported.

Embeddings can be spread out while the features below the projection, which detectors are initialized with, use few
directions. So the features of every exported part are measured on the canvases of the invariance probe.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from codo.methods.momentum_contrast import effective_rank

DEAD = 0.01
"""A unit is dead if its standard deviation is below this share of that of the units together (root mean square).

Behind a ReLU these are the units that are 0 for every box; other activations have no exact zeros.
"""


def feature_stats(features: Tensor) -> dict[str, float]:
    """Effective rank, dead units and spread of features ``(n, F)``.

    Returns:
        ``rank``: RankMe of the features about their mean, at most ``min(n, F)``. ``dead``: share of units that hardly
        vary. ``std``: spread of the features scaled to length 1: 0 if all are one point, 1 if they point everywhere.
    """
    features = features.double()
    centered = features - features.mean(dim=0)
    deviation = centered.pow(2).mean(dim=0).sqrt()
    scale = deviation.pow(2).mean().sqrt()
    length_one = F.normalize(features, dim=1)
    return {
        "rank": float(effective_rank(centered)) if scale > 0 else 1.0,
        "dead": float((deviation <= DEAD * scale).double().mean()),
        "std": float(length_one.var(dim=0, correction=0).sum().sqrt()),
    }


def part_stats(features: dict[str, Tensor]) -> dict[str, float]:
    """`feature_stats` of every part, under names such as ``features/backbone/rank``."""
    return {f"features/{part}/{name}": x for part, of in features.items() for name, x in feature_stats(of).items()}
