"""How much memory this process has used."""

from __future__ import annotations

import resource
import sys


def peak_memory_mib(system: str = sys.platform) -> float:
    """The most memory that this process has had at a time, in MiB.

    Args:
        system: ``sys.platform``: macOS counts in bytes, Linux in KiB.
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if system == "darwin" else peak / 2**10
