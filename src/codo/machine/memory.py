"""Memory: the peak of this process, and what is available to it."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from codo.machine.cgroups import PROC, groups, lines


def peak_memory_mib(system: str = sys.platform) -> float:
    """Peak resident memory of this process, in MiB.

    Args:
        system: ``sys.platform``: macOS reports bytes, Linux KiB.
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if system == "darwin" else peak / 2**10


def available_memory(proc: Path = PROC) -> int | None:
    """Bytes that this process can take before the machine swaps or its container's limit ends it.

    Args:
        proc: The kernel's folder of this process.

    Returns:
        The smaller of what the machine has and what its control groups allow; ``None`` where the system does not tell.
    """
    of_machine = _table(proc.parent / "meminfo").get("MemAvailable:")
    if of_machine is None:
        return None
    of_groups = [left for folder in groups(proc, "memory") for left in _left(folder)]
    return max(0, min([of_machine * 1024, *of_groups]))


def _left(folder: Path) -> list[int]:
    """Bytes that a group has left, in a list; an empty one without a limit. Unused pages of files can be dropped."""
    names = (
        ("memory.max", "memory.current", "inactive_file"),  # version 2
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),  # version 1
    )
    for limit, used, droppable in names:
        numbers = ["".join(lines(folder / name)) for name in (limit, used)]
        if all(text.isdecimal() for text in numbers):  # "max": no limit
            return [int(numbers[0]) - int(numbers[1]) + _table(folder / "memory.stat").get(droppable, 0)]
    return []


def _table(path: Path) -> dict[str, int]:
    """A file of lines with a name and a number."""
    rows = (line.split() for line in lines(path))
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdecimal()}
