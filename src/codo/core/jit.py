"""The decorator for Numba kernels: they release the GIL, and are cached on disk.

Numba keeps them next to the source, in ``NUMBA_CACHE_DIR`` or in the user's cache. Where none of these can be written
(a container with a read-only file system), they go to the cache of this package, which ``CODO_CACHE`` moves.

Every kernel is called with one set of argument types, as each further set costs a compilation (`contiguous` converts a
user's image). Numba's cache notices changes of a kernel's own file only; kernels use functions and constants of others
too, so the name under which they are kept has a hash of all sources of their package and of the views in it. Fast-math
stays off: it would let the compiler reorder sums.

Kernels return no named tuples to Python: Numba makes them by Python code, in whose middle a signal may come. Where its
handler raises, the process then ends with a segmentation fault (Numba 0.68.1; see `codo.core.signals`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from numba.extending import register_jitable

from codo.core.cache import KERNELS, default_cache

P = ParamSpec("P")
R = TypeVar("R")
Ints = npt.NDArray[np.int32]

PACKAGE = Path(__file__).parents[1]
"""The folder of CoDo's sources."""


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function on its first call, keeping its Python signature for type checkers.

    Where no folder for it can be written, every process compiles it again (`kernel_folder`). The caller must avoid
    division by zero: a check inside a loop would prevent its vectorization.
    """
    options: Any = {"nogil": True, "error_model": "numpy"}
    if PACKAGE in (file := Path(function.__code__.co_filename)).parents:
        package = PACKAGE / file.relative_to(PACKAGE).parts[0]
        function.__qualname__ += f"-{_hash_of_sources(package, PACKAGE / 'views')}"
    try:
        compiled = numba.njit(**options, cache=True)(function)
    except RuntimeError:  # "no locator available"
        with suppress(OSError, RuntimeError), _cache_in(default_cache() / KERNELS):
            return cast(Callable[P, R], numba.njit(**options, cache=True)(function))
        compiled = numba.njit(**options)(function)
    return cast(Callable[P, R], compiled)


def shared(function: Callable[P, R]) -> Callable[P, R]:
    """A function that kernels may call, compiled, and Python as it is; only divisions by zero differ."""
    same: Callable[P, R] = register_jitable(error_model="numpy")(function)
    return same


@cache
def _hash_of_sources(*folders: Path) -> str:
    """Of the contents of all Python files in these folders: eight hexadecimal digits."""
    digest = blake2b(digest_size=4)
    for file in sorted({file for folder in folders for file in folder.rglob("*.py")}):
        digest.update(file.read_bytes())
    return digest.hexdigest()


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """Kernels decorated inside the context are kept in ``folder``; those of other programs are not."""
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        config.CACHE_DIR = before


def kernel_folder(compiled: Any) -> str | None:
    """The folder in which a kernel is kept; ``None``: nowhere, so that every process compiles it."""
    path: str | None = compiled.stats.cache_path
    return path


def contiguous(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The image, contiguous and writeable: Numba compiles again for a read-only or strided array."""
    return np.require(image, requirements=["C", "W"])
