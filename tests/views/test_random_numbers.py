"""What is written once draws the same from NumPy's generator in Python and from a stream in compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from codo.core.rng import generator
from codo.views.kernels import philox
from codo.views.random_numbers import Source, drawn, integer, random, random_table, shuffled


@drawn
def mixed(count: int, rng: Source) -> Any:
    """Some of everything."""
    whole = [integer(end, rng) for end in range(1, count)]
    return random(rng), whole, random_table(3, 2, rng), shuffled(count, rng), random(rng), shuffled(4, rng)


def test_both_sources_give_the_same() -> None:
    for sample in range(50):
        key = (5, 1, sample, 17)
        compiled, plain = mixed(9, philox.start(*key)), mixed(9, generator(*key))
        for one, other in zip(compiled, plain, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_stream_goes_on_where_it_was() -> None:
    stream, rng = philox.start(0, 0, 0, 0), generator(0, 0, 0, 0)
    first = [mixed(5, stream)[0] for _ in range(3)]
    assert len(set(first)) == 3
    assert first == [mixed(5, rng)[0] for _ in range(3)]


def test_named_arguments_are_refused() -> None:
    """The source is told by its place."""
    with pytest.raises(TypeError, match="by position"):
        mixed(3, rng=philox.start(0, 0, 0, 0))
