"""The compiled generator gives NumPy's numbers, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from codo.core.rng import generator
from codo.views.kernels import philox

KEYS = [(0, 0, 0, 0), (7, 3, 12_345, 16), (2**62, 2**40, 1_281_166, 1 << 20)]


@pytest.mark.parametrize("key", KEYS)
def test_numbers_are_those_of_numpy(key: tuple[int, int, int, int]) -> None:
    stream, expected = philox.start(*key), generator(*key)
    assert [philox.unit(stream) for _ in range(1001)] == expected.random(1001).tolist()


@pytest.mark.parametrize("key", KEYS)
def test_whole_numbers_are_those_of_numpy(key: tuple[int, int, int, int]) -> None:
    """Small ends and those near 2^32, where the first draw is often refused; they share halves of words."""
    stream, expected = philox.start(*key), generator(*key)
    ends = [*range(1, 300), 2**31 + 1, 3 * 2**30, 2**32 - 1, *([2**31 + 5] * 50)]
    assert [philox.integer(end, stream) for end in ends] == [int(expected.integers(end)) for end in ends]


def test_kinds_of_numbers_may_alternate() -> None:
    """A whole number takes half a word, and the other half waits while others take whole words."""
    stream, expected = philox.start(1, 2, 3, 4), generator(1, 2, 3, 4)
    for end in range(2, 60):
        assert philox.integer(end, stream) == expected.integers(end)
        assert philox.unit(stream) == expected.random()


def test_the_upper_word_of_a_product() -> None:
    rng = np.random.default_rng(0)
    for a, b in rng.integers(0, 2**64, (200, 2), dtype=np.uint64):
        assert int(philox.high(a, b)) == int(a) * int(b) >> 64
    most = np.uint64(2**64 - 1)
    assert int(philox.high(most, most)) == (2**64 - 1) ** 2 >> 64


@pytest.mark.parametrize("end", [0, -5, 2**32])
def test_ends_out_of_range_are_refused(end: int) -> None:
    with pytest.raises(ValueError, match="between 1 and"):
        philox.integer(end, philox.start(0, 0, 0, 0))
