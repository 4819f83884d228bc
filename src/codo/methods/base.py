"""The protocol of a method: the only thing that training knows of it.

A method is one ``nn.Module`` with three duties:

* say which views it wants (its line in the registry),
* turn a batch into named losses (`Method.forward`),
* name the modules worth exporting (`Method.exports`).

A detector being finetuned keeps the same protocol, so that pretraining and finetuning share loop, checkpoint and log.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from codo.models.load_report import LoadReport


@dataclass(frozen=True)
class StepOutput:
    """What a step computed.

    Attributes:
        loss: Scalar to call ``backward`` on.
        stats: Detached scalars by their name in the log (``loss/P2``, ``top1/P2``, …); they stay on the device.
    """

    loss: Tensor
    stats: dict[str, Tensor] = field(default_factory=dict)


class Method(nn.Module, ABC):
    """Base of everything that training can drive.

    Attributes:
        load_report: What ``model.init`` has loaded, if anything.
    """

    load_report: LoadReport | None = None

    @abstractmethod
    def forward(self, batch: Any) -> StepOutput:
        """Compute the losses of a batch that lies on the module's device. Changes no state but BN statistics."""

    def begin(self, batch: Any) -> None:
        """Look at the first batch of a run before its first step."""

    def finish_step(self) -> None:
        """Update what is not trained by gradients (EMA, queues), after the optimiser's step."""

    @abstractmethod
    def exports(self) -> dict[str, nn.Module]:
        """The modules worth exporting by component: ``backbone`` and, where there are, ``fpn`` and ``box_head``."""

    def key_exports(self) -> dict[str, nn.Module]:
        """The same modules of the momentum copy; empty for a method that has none."""
        return {}

    def diagnose(self) -> dict[str, Tensor]:
        """Costlier statistics of the last step, asked for only when the step is logged."""
        return {}

    def represent(self, images: Tensor, boxes: Tensor) -> Tensor:
        """Embeddings ``(n, E)`` of boxes ``(n, 4)`` on uint8 canvases ``(n, S, S, 3)``, to judge the method by."""
        raise TypeError(f"{type(self).__name__} does not embed boxes")

    def compilable(self) -> list[nn.Module]:
        """The modules that ``compile=true`` compiles."""
        return []
