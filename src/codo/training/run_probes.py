"""The probes of a pretraining run, as a check of the training loop."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from codo.loading.pools import Pool
from codo.methods.base import Method
from codo.probes.invariance import InvarianceProbe
from codo.training.pretrain_task import PretrainTask
from codo.training.probing import LabeledProbes
from codo.views.cpj import CPJSettings
from codo.views.photometric import AugmentSettings


@dataclass(frozen=True)
class RunProbes:
    """Probes the method between training steps.

    Attributes:
        method: The method, on ``device``; left in evaluation mode.
        device: Device of the method.
        labeled: Probes with labels, possibly none; ``None`` on ranks other than 0, which compute no probes.
        invariance: The probe of background invariance, if there is one.
    """

    method: Method
    device: torch.device
    labeled: LabeledProbes | None
    invariance: InvarianceProbe | None

    def __call__(self, step: int) -> dict[str, float]:
        """Compute the scores of all probes, to be logged."""
        if self.labeled is None:
            return {}
        self.method.eval()
        found = self.labeled.scores(self.method.exports(), self.device)
        if self.invariance is not None:
            score = self.invariance.score(self.embed)
            found |= {"invariance": score, "invariance_chance": self.invariance.chance}
        return found

    def embed(self, images: Tensor, boxes: Tensor) -> Tensor:
        """The method's embeddings of boxes in images that are on the CPU."""
        return self.method.embed_boxes(images.to(self.device), boxes.to(self.device))


def invariance_probe(task: PretrainTask) -> InvarianceProbe | None:
    """The probe of background invariance; ``None`` if the images have no proposals.

    It always pastes with CoDo's default settings, so that methods and settings can be compared. For methods that paste
    nothing, the backgrounds are the images themselves.
    """
    inputs, settings = task.inputs, task.settings
    if settings.probe is None or not inputs.images.has_proposals:
        return None
    own = Pool([inputs.images], [None])
    plain = replace(inputs, pasting=CPJSettings(), augment=AugmentSettings())
    pasted = replace(plain, query=inputs.query or own, key=inputs.key or own)
    return InvarianceProbe(pasted.pasted_views(), settings.probe, settings.seed)
