"""Loading the compiled kernels of this room once, before loader workers are forked.

The first call of a kernel takes a second (Numba sets itself up and reads its cache), on a machine's first run ten (it
compiles). Workers forked afterwards have it all; otherwise each of them would spend that time anew.
"""

from __future__ import annotations

import numpy as np

from codo.catalog.tile_copy import copy_tiles
from codo.views.photometric import Photometric, apply


def load_kernels() -> None:
    """Call each kernel that is called from Python once."""
    apply(np.zeros((8, 8, 3), np.uint8), Photometric())
    end_of_file = np.frombuffer(b"\xff\xd9", np.uint8)
    copy_tiles(end_of_file, 1, 1, (0, 1, 0, 1), np.empty(2, np.uint8))
