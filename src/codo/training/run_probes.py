"""The probes of a pretraining run, as a check of the training loop."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from codo.loading.pools import Pool
from codo.methods.base import Method
from codo.models.batch_statistics import data_statistics, tracking_layers
from codo.probes.feature_health import part_stats
from codo.probes.features import EMBEDDINGS, features_and_embeddings
from codo.probes.invariance import InvarianceProbe
from codo.probes.labeled import LabeledProbes
from codo.training.pretrain_task import PretrainTask
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
        """Compute the scores of all probes, to be logged.

        At step 0 the parts with random weights are probed with BatchNorm statistics of the probe's canvases: with
        their own, mean 0 and variance 1, the scores are those of a network that training never comes to.
        """
        if self.labeled is None:
            return {}
        self.method.eval()
        parts = self.method.exports()
        loaded = loaded_parts(self.method) if step == 0 else tuple(parts)
        normalization = self.method.normalization
        random = [part for part in parts if part not in loaded]
        found = self.labeled.scores(parts, self.device, normalization, random)
        if (probe := self.invariance) is not None:
            with self._statistics(probe, loaded if step == 0 else None):
                features = probe.featurize(features_and_embeddings(parts, self.device, normalization, self.embed))
                score = probe.score(features.pop(EMBEDDINGS))
                found |= {"invariance": score, "invariance_chance": probe.chance, **part_stats(features)}
        return found

    def _statistics(self, invariance: InvarianceProbe, loaded: Collection[str] | None) -> AbstractContextManager[None]:
        """A context with BatchNorm statistics of the probe's canvases, except in ``loaded``; ``None``: in no layer."""
        if loaded is None:
            return nullcontext()
        parts = self.method.exports()
        own = tracking_layers(parts[part] for part in loaded)
        layers = [layer for layer in tracking_layers([self.method]) if layer not in own]
        return data_statistics(layers, lambda: invariance.featurize(lambda *some: {EMBEDDINGS: self.embed(*some)}))

    def embed(self, images: Tensor, boxes: Tensor) -> Tensor:
        """The method's embeddings of boxes in images that are on the CPU."""
        return self.method.embed_boxes(images.to(self.device), boxes.to(self.device))


def loaded_parts(method: Method) -> tuple[str, ...]:
    """The exported parts of a new method that ``model.init`` has loaded; all others have random weights."""
    counts = method.load_report.counts() if method.load_report else {}
    return tuple(part for part in method.exports() if counts.get(part, (0,))[0])


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
