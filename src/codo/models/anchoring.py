"""An anchor to the initial weights (``anchor.*``): parts of a method stay near those that ``model.init`` has loaded.

Telling instances apart on a few thousand images unlearns what the weights had been taught
(docs/method.md#anchor). Two terms of the loss hold against it, for every part that was loaded and is trained:

* features: 1 - cosine between the features of the part and those of its copy from the start, on the same input;
* decay: half the squared distance of the weights to their initial values (L2-SP, Li et al. 2018), whose gradient is
  weight decay towards the start. These weights then have no decay towards zero.

The copies are in evaluation mode, as the weights were before the run, and in the checkpoint, so that a run resumes
without the file of its initial weights. Both terms are means over samples or independent of them: several ranks
compute what one does.

Shapes: ``n`` images or boxes, ``C`` channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from codo.contrast import ema
from codo.core.config import Settings
from codo.models.forward_passes import Pass, noted_passes


class AnchorSettings(Settings):
    """The anchor to the initial weights; needs ``model.init``."""

    features: float = Field(
        0.0,
        ge=0,
        description="weight of keeping the features of the loaded parts: 1 - cosine between them and those of the "
        "initial weights, on the query view; 0: off",
    )
    decay: float = Field(
        0.0,
        ge=0,
        description="weight decay of the loaded parts towards their initial weights, instead of optim.weight_decay "
        "towards zero; 0: off",
    )

    @property
    def on(self) -> bool:
        """Whether there is an anchor."""
        return self.features > 0 or self.decay > 0


def cosine_distance(features: Tensor, start: Tensor) -> Tensor:
    """1 - cosine of the channels of ``(n, C)`` or ``(n, C, h, w)``, mean over images and locations, in float32."""
    precision = torch.promote_types(features.dtype, torch.float32)
    with torch.autocast(features.device.type, enabled=False):
        return 1 - F.cosine_similarity(features.to(precision), start.to(precision), dim=1).mean()


def squared_distance(weights: Iterable[Tensor], start: Iterable[Tensor]) -> Tensor:
    """The squared Euclidean distance of all weights together to the initial ones."""
    return torch.stack([(one - other).square().sum() for one, other in zip(weights, start, strict=True)]).sum()


class Anchor(nn.ModuleDict):
    """Copies of parts as they were loaded, and the loss of moving away from them.

    Args:
        parts: The loaded parts by name; copied.
        settings: The weights of the two terms.
    """

    def __init__(self, parts: Mapping[str, nn.Module], settings: AnchorSettings) -> None:
        super().__init__({part: ema.momentum_copy(module) for part, module in parts.items()})
        self.settings = settings
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode."""
        return super().train(False)

    def watching(self, trained: Mapping[str, nn.Module]) -> AbstractContextManager[list[Pass]]:
        """A context that collects the passes of the trained parts of which there are copies."""
        copied = self.keys() if self.settings.features else ()
        return noted_passes({part: trained[part] for part in copied if part in trained})

    def loss(self, trained: Mapping[str, nn.Module], passes: Sequence[Pass]) -> tuple[Tensor, dict[str, Tensor]]:
        """The two terms, weighted, and their values for the log.

        Args:
            trained: The trained parts by name, of which there must be at least one with a copy.
            passes: Those of this step.

        Returns:
            Scalar; ``anchor/backbone``, … (1 - cosine), and ``anchor/moved``, the distance of the weights to their
            initial values as a share of the length of these.
        """
        stats: dict[str, Tensor] = {}
        terms: list[Tensor] = []
        for part in dict.fromkeys(one.part for one in passes):
            distances = [self._distance(one) for one in passes if one.part == part]
            distance = torch.stack(distances).mean()  # passes of BatchNorm groups are equally large
            terms.append(self.settings.features * distance)
            stats[f"anchor/{part}"] = distance.detach()
        if self.settings.decay:
            parts = [part for part in self.keys() if part in trained]
            weights = [parameter for part in parts for parameter in trained[part].parameters()]
            start: list[Tensor] = [parameter for part in parts for parameter in self[part].parameters()]
            squared = squared_distance(weights, start)
            terms.append(self.settings.decay / 2 * squared)
            length = torch.stack(torch._foreach_norm(start)).norm()
            stats["anchor/moved"] = squared.detach().sqrt() / length
        return torch.stack(terms).sum(), stats

    def _distance(self, seen: Pass) -> Tensor:
        """`cosine_distance` of a pass to that of the copy, mean over the maps."""
        with torch.no_grad():
            start = self[seen.part](*seen.inputs)
        if isinstance(start, Tensor):
            return cosine_distance(seen.output, start)
        return torch.stack([cosine_distance(*pair) for pair in zip(seen.output, start, strict=True)]).mean()
