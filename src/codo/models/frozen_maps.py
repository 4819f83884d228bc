"""Feature maps of frozen parts, which encoders accept instead of images.

Query and key encoder have the same frozen parts. If both see the same view, its maps are computed once and given to
both (`Encoder.frozen_maps`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class FrozenMaps:
    """The maps of a batch of images; they have no gradient.

    Attributes:
        levels: Maps (B, C, h, w), finest first.
        part: The part that returned them: ``backbone`` or ``fpn``.
    """

    levels: Sequence[Tensor]
    part: str

    def __len__(self) -> int:
        """B, as of a batch of images."""
        return len(self.levels[0])

    def chunk(self, count: int) -> list[FrozenMaps]:
        """Contiguous parts of the batch, as `Tensor.chunk`."""
        parts = zip(*(level.chunk(count) for level in self.levels), strict=True)
        return [FrozenMaps(part, self.part) for part in parts]


EncoderInput = Tensor | FrozenMaps
"""What an encoder takes: images (B, 3, H, W), or the maps that its frozen parts have computed from them."""
