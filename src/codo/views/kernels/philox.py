"""NumPy's random generator `Philox` in compiled code: from the same key the same numbers, bit for bit.

A stream is an array of `WORDS` 64-bit words: four of counter, two of key, four random words of the current block, how
many of them are used, and half a word that is left (1, or 0 for none, and its bits). The algorithm is Philox4x64-10
(Salmon et al., Parallel random numbers: as easy as 1, 2, 3, 2011); how numbers are made of its words is NumPy's
``Generator``, with which the tests compare it. `codo.views.random_numbers` draws from it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codo.core.jit import kernel

Stream = npt.NDArray[np.uint64]

WORDS = 13
KEY, BLOCK, USED, HAS_HALF, HALF = 4, 6, 10, 11, 12
ROUNDS = 10

# Of one type: Numba would make floats of signed and unsigned words together.
_0, _1, _4, _11, _32 = np.array([0, 1, 4, 11, 32], np.uint64)
LOW = np.uint64(0xFFFFFFFF)
FIRST, SECOND = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)  # factors
GOLDEN, ROOT = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)  # what is added to the key in each round
TO_UNIT = 1.0 / 2**53


@kernel
def start(seed: int, epoch: int, sample: int, purpose: int) -> Stream:
    """The stream of `codo.core.rng.generator` with the same arguments."""
    stream = np.zeros(WORDS, np.uint64)
    stream[2], stream[3] = epoch, sample
    stream[KEY], stream[KEY + 1] = seed, purpose
    stream[USED] = _4
    return stream


@kernel
def high(a: np.uint64, b: np.uint64) -> np.uint64:
    """The upper word of the product of two words."""
    middle = (a & LOW) * (b & LOW) >> _32
    other = (a >> _32) * (b & LOW) + middle
    middle = (a & LOW) * (b >> _32) + (other & LOW)
    product: np.uint64 = (a >> _32) * (b >> _32) + (other >> _32) + (middle >> _32)
    return product


@kernel
def refill(stream: Stream) -> None:
    """Count one up, and make the block of this counter."""
    stream[0] += _1  # no use draws enough numbers to reach the next word
    a, b, c, d = stream[0], stream[1], stream[2], stream[3]
    key, other = stream[KEY], stream[KEY + 1]
    for _ in range(ROUNDS):
        a, b, c, d = high(SECOND, c) ^ b ^ key, SECOND * c, high(FIRST, a) ^ d ^ other, FIRST * a
        key, other = key + GOLDEN, other + ROOT
    stream[BLOCK], stream[BLOCK + 1], stream[BLOCK + 2], stream[BLOCK + 3] = a, b, c, d
    stream[USED] = _0


@kernel
def word(stream: Stream) -> np.uint64:
    """The next word."""
    if stream[USED] == _4:
        refill(stream)
    drawn: np.uint64 = stream[BLOCK + np.int64(stream[USED])]
    stream[USED] += _1
    return drawn


@kernel
def half_word(stream: Stream) -> np.uint64:
    """The next 32 bits: the lower half of a word, then its upper half."""
    if stream[HAS_HALF] == _1:
        stream[HAS_HALF] = _0
        half: np.uint64 = stream[HALF]
        return half
    whole = word(stream)
    stream[HAS_HALF], stream[HALF] = _1, whole >> _32
    return whole & LOW


@kernel
def unit(stream: Stream) -> float:
    """A number in [0, 1)."""
    return float(word(stream) >> _11) * TO_UNIT


@kernel
def integer(end: int, stream: Stream) -> np.int64:
    """A whole number in [0, end), by Lemire's method.

    Raises:
        ValueError: ``end`` is not between 1 and 2^32 - 1.
    """
    if not 1 <= end < 2**32:
        raise ValueError("the end of a range must lie between 1 and 2^32 - 1")
    if end == 1:
        return np.int64(0)
    limit = np.uint64(end)
    product = half_word(stream) * limit
    if product & LOW < limit:
        threshold = (LOW - limit + _1) % limit
        while product & LOW < threshold:
            product = half_word(stream) * limit
    return np.int64(product >> _32)


@kernel
def masked(last: int, stream: Stream) -> np.int64:
    """A whole number in [0, last], as NumPy draws it for permutations: of as few bits as that takes, till it fits."""
    mask = _1
    while mask < np.uint64(last):
        mask = mask << _1 | _1
    drawn = half_word(stream) & mask
    while drawn > np.uint64(last):
        drawn = half_word(stream) & mask
    return np.int64(drawn)
