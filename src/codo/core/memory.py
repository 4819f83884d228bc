"""Peak memory of this process."""

from __future__ import annotations

import resource
import sys


def peak_memory_mib(system: str = sys.platform) -> float:
    """Peak resident memory of this process, in MiB.

    Args:
        system: ``sys.platform``: macOS reports bytes, Linux KiB.
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if system == "darwin" else peak / 2**10
