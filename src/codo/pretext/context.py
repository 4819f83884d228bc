"""Context prediction (Doersch et al. 2015): where does a patch lie that touches the middle one?

Of 3 x 3 patches with gaps of about half a patch, the middle one and one of its eight neighbors are shown. The tricks
are the publication's: gaps, jitter, and dropped or projected colors (`aberration`). Different here: crops are resized
to the grid instead of patches cut from the image at one of several sizes, and dropped channels become noise around
middle gray.

Legend: see `patch_task`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from codo.loading.jigsaw_dataset import PATCHES
from codo.pretext.patch_dataset import Colors, PatchSettings
from codo.pretext.patch_task import PatchTask

MIDDLE = PATCHES // 2


class ContextOptions(PatchSettings):
    """Sizes and tricks of Doersch et al."""

    cell: int = Field(144, ge=16, description="side of each of the 3 x 3 cells in pixels; what a patch leaves is gap")
    patch: int = Field(96, ge=16, description="side of the patch that is cut out of each cell, in pixels")
    jitter: int = Field(7, ge=0, description="largest distance of a patch from the middle of its cell, in pixels")
    colors: Colors = Field(
        "drop",
        description="against chromatic aberration: drop two channels of each patch, project away green - magenta, or "
        "keep",
    )
    hidden: int = Field(4096, ge=1, description="width of the layer for each patch")


class Context(PatchTask):
    """Classification of the place of the second patch: eight, row by row."""

    Options = ContextOptions

    @classmethod
    def arrangements(cls, options: Any) -> npt.NDArray[np.int64]:
        """The middle and each of its neighbors: ``(8, 2)``."""
        return np.array([(MIDDLE, cell) for cell in range(PATCHES) if cell != MIDDLE], np.int64)
