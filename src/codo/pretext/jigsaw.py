"""Jigsaw puzzles (Noroozi and Favaro 2016): in which order are the nine patches of an image?

The orders are a set of permutations that differ in many places (`permutations`). The tricks are the publication's: gaps
(patches of 64 in cells of 75 pixels), normalization of each patch by itself, shifted channels, and gray images
(``augment.gray``). Different here: the backbone ends in average pooling, where the publication's keeps a map.

Legend: see `patch_task`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from codo.pretext.patch_dataset import PatchSettings
from codo.pretext.patch_task import PatchTask
from codo.pretext.permutations import distant_permutations


class JigsawOptions(PatchSettings):
    """Sizes and tricks of Noroozi and Favaro."""

    permutations: int = Field(100, ge=2, le=1000, description="number of orders to tell apart")
    channel_jitter: int = Field(
        2, ge=0, description="against chromatic aberration: largest shift of each channel of a patch, in pixels"
    )
    normalize: bool = Field(True, description="give each patch and channel mean 0 and deviation 1")


class Jigsaw(PatchTask):
    """Classification of the order of nine patches."""

    Options = JigsawOptions

    @classmethod
    def arrangements(cls, options: Any) -> npt.NDArray[np.int64]:
        """The permutations: ``(options.permutations, 9)``."""
        return distant_permutations(options.permutations)
