"""Base of the pretext tasks: one trained backbone that is exported, and questions whose answers can be counted.

Legend: b samples of this rank, K possible answers.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from codo.methods.base import WHOLE_IMAGES, StepOutput
from codo.methods.image_level import ImageLevel


class PretextTask(ImageLevel):
    """A method whose targets come from the image itself; ``encoder`` is an `ImageEncoder`."""

    used_settings: ClassVar[tuple[str, ...]] = WHOLE_IMAGES

    def log_stats(self) -> dict[str, Tensor]:
        """No statistics of collapse: a constant answer has the loss of guessing, which does not fall."""
        return {}


def classify(scores: Tensor, answers: Tensor) -> StepOutput:
    """Cross-entropy of scores ``(b, K)`` with the right answers, int64 ``(b,)``, and how many of them are found."""
    scores = scores.float()
    loss = F.cross_entropy(scores, answers)
    right = (scores.argmax(dim=1) == answers).float().mean()
    return StepOutput(loss, {"loss": loss.detach(), "top1": right.detach()})
