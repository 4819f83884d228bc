"""Number of cores that this process may use: CPU affinity and the CPU quota of its container.

A scheduler binds a process to some cores (CPU affinity: ``taskset``, cpusets). A container started with ``--cpus=2``
sees all cores of the machine and may run on each, but gets only two seconds of CPU time per second: the CPU quota of
its control group (cgroup). More threads than the quota slow each other down.
"""

from __future__ import annotations

import math
import os
from collections.abc import MutableMapping
from pathlib import Path

from codo.machine.cgroups import PROC, groups, lines

WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""Variables that choose how the threads of OpenMP wait for each other."""
SPINS = "1000"
"""Rounds of a waiting thread before it sleeps: a few microseconds."""


def spin_briefly(environment: MutableMapping[str, str]) -> None:
    """Let OpenMP's threads sleep soon while they wait for each other, unless the user's environment chooses.

    By default they spin for milliseconds. Where other processes want the same cores, the thread that is waited for has
    to wait for the spinning ones (docs/performance.md#busy-machines). `SPINS` covers the waits of a step on an idle
    machine; threads that never spin lose a sixth there. To be called before torch is loaded, whose OpenMP (GNU's, on
    Linux) reads this once.

    Args:
        environment: ``os.environ``.
    """
    if not any(name in environment for name in WAITING):
        environment["GOMP_SPINCOUNT"] = SPINS


def usable_cores(proc: Path = PROC) -> int:
    """Cores that this process may use, at least 1.

    Args:
        proc: The kernel's folder of this process.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota(proc)
    return bound if quota is None else min(bound, quota)


def cpu_quota(proc: Path = PROC) -> int | None:
    """The smallest CPU quota of the process's control groups, in cores, rounded up; ``None`` without a quota.

    The quota of a group also limits its subgroups, so the groups above that of the process are read as well.

    Args:
        proc: The kernel's folder of this process: ``cgroup`` and ``mountinfo`` in it are read.
    """
    found = [quota for folder in groups(proc, "cpu") for quota in (_version_2(folder), _version_1(folder)) if quota]
    return max(1, math.ceil(min(found))) if found else None


def _version_2(folder: Path) -> float | None:
    """``cpu.max``: microseconds of CPU time (or ``max``) per period, and the period in microseconds."""
    quota, _, period = "".join(lines(folder / "cpu.max")).partition(" ")
    return _ratio(quota, period)


def _version_1(folder: Path) -> float | None:
    """``cpu.cfs_quota_us`` (-1 for no quota) per ``cpu.cfs_period_us``."""
    return _ratio("".join(lines(folder / "cpu.cfs_quota_us")), "".join(lines(folder / "cpu.cfs_period_us")))


def _ratio(quota: str, period: str) -> float | None:
    # "max", "-1" and the empty text of a missing file are not decimal: no quota.
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() and int(period) else None
