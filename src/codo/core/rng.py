"""Random generators keyed by (seed, epoch, sample, stream).

The views of sample ``i`` in epoch ``e`` must not depend on worker count, rank, world size or resume point. So no
generator is passed around: each use creates one from its key. Philox is counter-based (Salmon et al., 2011): it jumps
to any point of its 2^128 streams in constant time, and streams with different keys or counters do not overlap.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from numpy.random.bit_generator import ISeedSequence


class RngStream(IntEnum):
    """Purpose of the random numbers: different uses of the same sample draw from different streams."""

    ORDER = 0  # the order of the samples in an epoch
    PROPOSAL = 1  # which proposal of an image is pasted
    PROBE = 2  # the fixed probe set of the invariance score
    TRANSFORM = 3  # flips and scales of a labeled image in finetuning
    LABELS = 5  # which labeled images belong to a fraction of the data
    ANCHOR = 6  # the anchor that replaces a pasted box (InsLoc)
    STEP = 7  # seeds of torch's generators, which networks draw from (dropout): one per step and rank
    NEGATIVES = 8  # the images that a query is told from (InstDisc)
    BACKGROUND = 1 << 20  # the box beside the pasted object of view v (localization): stream BACKGROUND + v
    VIEW = 16  # view v draws from stream VIEW + v
    SHUFFLE = 0x53485546  # the order in which the key network sees a step's samples ("SHUF")


class _Key(ISeedSequence):
    """A Philox key that is used without hashing.

    ``Philox(key=…)`` gives the same generator, but first reads entropy from the system that it does not use, which
    takes longer than everything else here (17 µs instead of 7).
    """

    def __init__(self, *words: int) -> None:
        self.words = np.array(words, dtype=np.uint64)

    def generate_state(self, n_words: int, dtype: npt.DTypeLike = np.uint32) -> npt.NDArray[np.uint64]:
        return self.words


def generator(seed: int, epoch: int, sample: int, stream: int) -> np.random.Generator:
    """A fresh generator for one use.

    Args:
        seed: The run's seed, at least 0.
        epoch: Epoch, at least 0.
        sample: Index of the image.
        stream: A `RngStream`, or ``RngStream.VIEW + v``.

    Returns:
        A generator whose numbers are a pure function of the four arguments.
    """
    # Philox counts up in the low word of the counter; no use draws enough numbers to reach the words above.
    counter = np.array([0, 0, epoch, sample], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(cast(Any, _Key(seed, stream)), counter=counter))
