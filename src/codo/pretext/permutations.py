"""Permutations that differ in as many places as possible: the classes of jigsaw (Noroozi and Favaro 2016, algorithm 1).

Similar permutations would make classes that differ in two patches, which may look alike. The algorithm begins with one
permutation and adds, one by one, that with the largest mean Hamming distance to those chosen. Many share it; of these
the one whose nearest chosen permutation is farthest is taken, of these the first, so that the set is always the same.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations

import numpy as np
import numpy.typing as npt

LENGTH = 9


@cache
def distant_permutations(count: int) -> npt.NDArray[np.int64]:
    """The first ``count`` permutations of 0 to 8, int64 ``(count, 9)``; a shorter set is the beginning of a longer one.

    100 take half a second, 1,000 five.
    """
    every = np.ascontiguousarray(np.array(list(permutations(range(LENGTH))), np.int8).T)  # (9, 362880)
    total = np.zeros(every.shape[1], np.int32)
    least = np.full(every.shape[1], LENGTH + 1, np.int8)
    chosen, number = list[int](), 0
    for _ in range(count):
        chosen.append(number)
        distance = np.zeros_like(least)
        for places in every:
            distance += places != places[number]
        total += distance
        np.minimum(least, distance, out=least)
        ranked = total * (LENGTH + 1) + least
        ranked[chosen] = -1
        number = int(np.argmax(ranked))
    return every[:, chosen].T.astype(np.int64)
