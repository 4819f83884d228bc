"""The probes of a pretraining run, as a check of the training loop."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from codo.loading.pools import Pool
from codo.methods.base import Method
from codo.probes.invariance import InvarianceProbe
from codo.training.pretrain_task import PretrainTask
from codo.training.probing import LabelledProbes
from codo.views.cpj import CPJSettings
from codo.views.photometric import AugmentSettings


@dataclass(frozen=True)
class RunProbes:
    """Asks a method between its steps.

    Attributes:
        method: On ``device``; left in evaluation mode.
        device: Where it computes.
        labeled: Probes of labels, maybe of none; ``None`` on ranks that only have to agree on what is due.
        invariance: The probe of background invariance, where there is one.
    """

    method: Method
    device: torch.device
    labeled: LabelledProbes | None
    invariance: InvarianceProbe | None

    def __call__(self, step: int) -> dict[str, float]:
        """What the log says of the probes."""
        if self.labeled is None:
            return {}
        self.method.eval()
        found = self.labeled.scores(self.method.exports(), self.device)
        if self.invariance is not None:
            score = self.invariance.score(self.embed)
            found |= {"invariance": score, "invariance_chance": self.invariance.chance}
        return found

    def embed(self, images: Tensor, boxes: Tensor) -> Tensor:
        """What the method says of boxes on canvases that lie on the CPU."""
        return self.method.embed_boxes(images.to(self.device), boxes.to(self.device))


def invariance_probe(task: PretrainTask) -> InvarianceProbe | None:
    """The probe of background invariance; ``None`` where the images have no proposals.

    It pastes as CoDo does by default whatever the run does, so that methods and settings can be compared. Methods that
    paste nothing are asked on backgrounds from the images themselves.
    """
    inputs, settings = task.inputs, task.settings
    if settings.probe is None or not inputs.images.has_proposals:
        return None
    own = Pool([inputs.images], [None])
    plain = replace(inputs, pasting=CPJSettings(), augment=AugmentSettings())
    pasted = replace(plain, query=inputs.query or own, key=inputs.key or own)
    return InvarianceProbe(pasted.pasted_views(), settings.probe, settings.seed)
