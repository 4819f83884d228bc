"""Loads the compiled kernels once, before loader workers are forked.

The first call of a kernel takes a second (Numba initializes and reads its cache), and on a machine's first run it
compiles, fifteen seconds for all. Workers that are forked afterwards inherit the loaded kernels.
"""

from __future__ import annotations

import numpy as np

from codo.catalog.tile_copy import copy_tiles
from codo.loading.located_views import background_box
from codo.loading.pools import draw_image
from codo.views.cpj import CopyPasteJitter
from codo.views.kernels import philox
from codo.views.lazy_image import LazyImage
from codo.views.photometric import Photometric, apply


def load_kernels() -> None:
    """Call once each kernel that Python calls directly."""
    image, stream = np.zeros((8, 8, 3), np.uint8), philox.start(0, 0, 0, 0)
    apply(image, Photometric())
    philox.integer(1, stream)
    draw_image(np.ones(1), np.ones(1, np.int64), stream)
    view = CopyPasteJitter(8).view(image, LazyImage.from_array(image), stream)
    background_box(view.pasted, 8, stream)
    end_of_file = np.frombuffer(b"\xff\xd9", np.uint8)
    copy_tiles(end_of_file, 1, 1, (0, 1, 0, 1), np.empty(2, np.uint8))
