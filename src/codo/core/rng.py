"""Where every random number of a view comes from.

What sample ``i`` of epoch ``e`` looks like must not depend on worker count, rank, world size or resume point. So
nothing carries a generator along: each use makes one from its coordinates. Philox is counter-based (Salmon et al.,
2011): any point of any of its 2^128 streams is reached at once, and streams with different keys or counters do not
overlap.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from numpy.random.bit_generator import ISeedSequence


class RngStream(IntEnum):
    """What the numbers are for; uses that share a sample draw from different streams."""

    ORDER = 0  # the order of the samples in an epoch
    PROPOSAL = 1  # which proposal of an image is pasted
    PROBE = 2  # the fixed probe set of the invariance score
    TRANSFORM = 3  # flips and scales of a labeled image in finetuning
    INIT = 4  # initial weights and queues
    LABELS = 5  # which labeled images a fraction of the data is
    ANCHOR = 6  # the anchor that stands in for a pasted box (InsLoc)
    STEP = 7  # seeds of torch's generators, which networks draw from (dropout): one a step and rank
    VIEW = 16  # view v draws from stream VIEW + v


class _Key(ISeedSequence):
    """A key that is used as it is.

    ``Philox(key=…)`` is the same generator, but it asks the system for entropy first, which it then does not use and
    which takes longer than everything else here (17 µs in place of 7).
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
    # The counter's low word is where Philox counts up; two draws of one use never reach the words above.
    counter = np.array([0, 0, epoch, sample], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(cast(Any, _Key(seed, stream)), counter=counter))
