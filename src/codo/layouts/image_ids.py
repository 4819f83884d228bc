"""Image ids for formats that have none."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def image_numbers(names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Image ids for formats that have none, as result files use them.

    If all file names are numbers, these are the ids (``000012.jpg`` is 12, ``2008_000002.jpg`` is 2008000002), as in
    common converters; else the ids are 1, 2, … in order.
    """
    stems = [name.rpartition("/")[2].rpartition(".")[0] for name in names]
    if all(re.fullmatch(r"[0-9]+(_[0-9]+)?", stem) and len(stem) <= 18 for stem in stems):
        ids = np.array([int(stem.replace("_", "")) for stem in stems], dtype=np.int64)
        if len(np.unique(ids)) == len(ids):
            return ids
    return np.arange(1, len(names) + 1, dtype=np.int64)
