"""What the views draw, from a NumPy generator or, in compiled code, from a stream (`codo.views.kernels.philox`).

Functions marked `codo.core.jit.shared` are written once for both: Python calls them with a generator, kernels with a
stream, and both draw the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeAlias, TypeVar

import numba
import numpy as np
import numpy.typing as npt
from numba.extending import overload

from codo.core.jit import kernel
from codo.views.kernels import philox
from codo.views.kernels.philox import Stream

P = ParamSpec("P")
R = TypeVar("R")
Source: TypeAlias = np.random.Generator | Stream


def random(rng: Any) -> float:
    """A number in [0, 1)."""
    return float(rng.random())


def integer(end: int, rng: Any) -> int:
    """A whole number in [0, end); end is at least 1."""
    return int(rng.integers(end))


def random_table(rows: int, columns: int, rng: Any) -> npt.NDArray[np.float64]:
    """Numbers in [0, 1), ``(rows, columns)``."""
    table: npt.NDArray[np.float64] = rng.random((rows, columns))
    return table


def shuffled(count: int, rng: Any) -> npt.NDArray[np.int64]:
    """The numbers from 0 to ``count`` - 1 in random order."""
    order: npt.NDArray[np.int64] = rng.permutation(count)
    return order


@overload(random, strict=False)
def _random(rng: Any) -> Callable[..., Any] | None:
    return (lambda rng: philox.unit(rng)) if isinstance(rng, numba.types.Array) else None


@overload(integer, strict=False)
def _integer(end: Any, rng: Any) -> Callable[..., Any] | None:
    return (lambda end, rng: philox.integer(end, rng)) if isinstance(rng, numba.types.Array) else None


@overload(random_table, strict=False)
def _random_table(rows: Any, columns: Any, rng: Any) -> Callable[..., Any] | None:
    def draw(rows: int, columns: int, rng: Stream) -> npt.NDArray[np.float64]:
        table = np.empty((rows, columns))
        for i in range(rows):
            for j in range(columns):
                table[i, j] = philox.unit(rng)
        return table

    return draw if isinstance(rng, numba.types.Array) else None


@overload(shuffled, strict=False)
def _shuffled(count: Any, rng: Any) -> Callable[..., Any] | None:
    def draw(count: int, rng: Stream) -> npt.NDArray[np.int64]:
        order = np.arange(count)
        for i in range(count - 1, 0, -1):
            j = philox.masked(i, rng)
            order[i], order[j] = order[j], order[i]
        return order

    return draw if isinstance(rng, numba.types.Array) else None


def drawn(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function compiled, without the GIL, if its last argument is a stream, and in Python for a generator.

    Its arguments are given by position, of the same types in every call (see `codo.core.jit`). Kernels cannot call it.
    """

    @wraps(function)
    def call(*arguments: P.args, **named: P.kwargs) -> R:
        if named:
            raise TypeError(f"{function.__name__}: give all arguments by position")
        return (compiled if isinstance(arguments[-1], np.ndarray) else function)(*arguments, **named)

    compiled = kernel(function)
    return call
