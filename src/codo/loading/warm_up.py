"""Loads the compiled kernels once, before loader workers are forked.

The first call of a kernel takes a second (Numba initializes and reads its cache), and ten seconds on a machine's first
run (it compiles). Workers that are forked afterwards inherit the loaded kernels; otherwise each would spend that time.
"""

from __future__ import annotations

import numpy as np

from codo.catalog.tile_copy import copy_tiles
from codo.views.photometric import Photometric, apply


def load_kernels() -> None:
    """Call once each kernel that Python calls directly."""
    apply(np.zeros((8, 8, 3), np.uint8), Photometric())
    end_of_file = np.frombuffer(b"\xff\xd9", np.uint8)
    copy_tiles(end_of_file, 1, 1, (0, 1, 0, 1), np.empty(2, np.uint8))
