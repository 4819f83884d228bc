"""How every Numba kernel is compiled: without the GIL, and cached on disk beside the source.

Kernels are called with one set of argument types only, as each further one would cost a compilation (`contiguous`
brings a user's image to it). Numba does not see changes of another file's constants in its cache, hence a kernel takes
what it needs from its own file or as an argument. Fast-math stays off: it would let the compiler reorder sums.
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

    Where neither the source's folder nor the user's cache can be written, it is compiled anew in every process.
    Dividing by zero is the caller's to avoid: a test for it in a loop would keep the loop from being vectorized.
    """
    options: Any = {"nogil": True, "error_model": "numpy"}
    try:
        compiled = numba.njit(**options, cache=True)(function)
    except RuntimeError:
        compiled = numba.njit(**options)(function)
    return cast(Callable[P, R], compiled)


def contiguous(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The image, contiguous and writeable: a read-only or strided array would be another type to Numba."""
    return np.require(image, requirements=["C", "W"])
