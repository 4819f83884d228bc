"""The background-invariance score: how well an object's embedding is preserved when its background changes. Label-free.

A fixed probe set is made once with CPJ: proposals form groups of ``G``, and each proposal of a group is pasted on the
same two backgrounds, A and B, each time with its own crop, size, position and colors. For every canvas of a group the
other ``2G - 1`` are ranked by the cosine similarity of their embeddings (all levels concatenated). The score is the
share of canvases whose nearest neighbor shows the same proposal on the other background.

Among the ``2G - 2`` distractors, ``G - 1`` show other proposals on the *same* background: a network that encodes mainly
the background picks one of those and scores zero. Chance is 1 / (2G - 1), 6.7% for the default G = 8; a tie counts as a
miss. An untrained network already scores above chance, because many proposals differ in color: compare the score with
its value at step 0, which is logged too.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from codo.core.rng import RngStream, generator
from codo.loading.pasted_views import PastedViews
from codo.probes.probe_settings import ProbeSettings
from codo.probes.sets import FeaturizeParts, featurize_all


class InvarianceProbe:
    """A fixed set of canvases and the score of embeddings of them.

    Args:
        pasted: Makes the canvases; backgrounds come from the key network's pool.
        settings: See `ProbeSettings`. If there are fewer images than ``proposals``, all of them are used.
        seed: The run's seed.

    Attributes:
        images: uint8 ``(n, G, 2, S, S, 3)``: group, proposal, background.
        boxes: float32 ``(n, G, 2, 4)``.
        chance: The expected score of random embeddings.
    """

    def __init__(self, pasted: PastedViews, settings: ProbeSettings, seed: int) -> None:
        group = min(settings.group, len(pasted))
        groups = max(1, min(settings.proposals, len(pasted)) // group)
        chosen = generator(seed, 0, 0, RngStream.PROBE).permutation(len(pasted))[: groups * group]
        views = []
        for number, samples in enumerate(np.split(chosen, groups)):
            rng = generator(seed, 1, number, RngStream.PROBE)
            drawn = [pasted.key.draw(rng) for _ in range(2)]
            backgrounds = [pasted.cpj.draw_background(catalog.lazy_image(index), rng) for catalog, index in drawn]
            for sample in samples:
                proposal = pasted.proposal(0, int(sample))
                views += [pasted.cpj.compose(proposal, background.copy(), rng) for background in backgrounds]
        shape = (groups, group, 2)
        self.images = torch.from_numpy(np.stack([view.image for view in views])).view(*shape, *views[0].image.shape)
        self.boxes = torch.from_numpy(np.stack([view.box for view in views])).view(*shape, 4)
        self.chance = 1 / (2 * group - 1)

    def featurize(self, featurize: FeaturizeParts) -> dict[str, Tensor]:
        """Features ``(n * G * 2, F)`` of every part of a network on all canvases."""
        return featurize_all(featurize, self.images.flatten(0, 2), self.boxes.flatten(0, 2))

    def score(self, embeddings: Tensor) -> float:
        """Share of canvases whose nearest neighbor in the group is the same proposal on the other background.

        Args:
            embeddings: ``(n * G * 2, E)``, of all canvases (`featurize`).
        """
        return retrieval(embeddings.view(*self.images.shape[:3], -1))


def retrieval(embeddings: Tensor) -> float:
    """The score of embeddings ``(n, G, 2, E)``."""
    items = F.normalize(embeddings.flatten(1, 2), dim=-1)  # (n, 2G, E), the two of a proposal adjacent
    similarity = items @ items.transpose(1, 2)
    index = torch.arange(items.shape[1])
    partner = index ^ 1
    positive = similarity[:, index, partner]
    similarity[:, index, index] = -torch.inf
    similarity[:, index, partner] = -torch.inf
    return float((positive > similarity.amax(dim=-1)).float().mean())
