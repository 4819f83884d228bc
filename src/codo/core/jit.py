"""The decorator for Numba kernels: they release the GIL, and are cached on disk next to the source.

Every kernel is called with one set of argument types, as each further set costs a compilation (`contiguous` converts a
user's image). Numba's cache does not notice changed constants of other files, so a kernel uses constants of its own
file, or arguments. Fast-math stays off: it would let the compiler reorder sums.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

P = ParamSpec("P")
R = TypeVar("R")
Ints = npt.NDArray[np.int32]


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function on its first call, keeping its Python signature for type checkers.

    Where neither the source folder nor the user's cache is writable, every process compiles it again. The caller must
    avoid division by zero: a check inside a loop would prevent its vectorization.
    """
    options: Any = {"nogil": True, "error_model": "numpy"}
    try:
        compiled = numba.njit(**options, cache=True)(function)
    except RuntimeError:
        compiled = numba.njit(**options)(function)
    return cast(Callable[P, R], compiled)


def contiguous(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The image, contiguous and writeable: Numba compiles again for a read-only or strided array."""
    return np.require(image, requirements=["C", "W"])
