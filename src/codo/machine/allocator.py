"""Memory of torch on CPUs: keep what is freed instead of returning it to the kernel.

The C library of Linux (glibc) maps large blocks separately and unmaps them when they are freed. Training allocates the
same blocks in every step, so the kernel clears the same pages in every step (docs/performance.md#freed-memory).
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""Parameters of glibc's ``mallopt``: free bytes at the end of the heap above which they are returned to the kernel, and
the number of separately mapped blocks."""
KEEP = ((MMAP_MAX, 0), (TRIM_THRESHOLD, 2**31 - 1))
DEFAULT = ((MMAP_MAX, 65536), (TRIM_THRESHOLD, 128 * 1024))


def configured(environment: Mapping[str, str]) -> bool:
    """Whether the user's environment chooses an allocator or its parameters; both are left alone then."""
    own = any(name.startswith("MALLOC_") for name in environment)
    return own or any("malloc" in environment.get(name, "") for name in ("GLIBC_TUNABLES", "LD_PRELOAD"))


@contextmanager
def freed_memory_kept(device: str) -> Iterator[None]:
    """Keep freed memory inside the context if ``device`` is ``cpu``; at its end all of it is returned.

    Numbers do not change. Without glibc, or if the environment is `configured`, nothing happens. One thing cannot be
    undone: glibc no longer adapts its thresholds to the blocks that the process frees.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if device != "cpu" or not hasattr(libc, "gnu_get_libc_version") or configured(os.environ):
        yield
        return
    assert libc is not None
    for parameter, value in KEEP:
        libc.mallopt(parameter, value)
    try:
        yield
    finally:
        for parameter, value in DEFAULT:
            libc.mallopt(parameter, value)
        libc.malloc_trim(0)
