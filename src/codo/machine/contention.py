"""How busy other processes keep the cores that this one may use."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import deque
from pathlib import Path

from codo.machine.cgroups import PROC, lines
from codo.machine.cpu import cpu_quota

CROWDED, LOOKS = 0.25, 5
"""Share of the cores, over this many looks, above which fewer threads are advised."""
_IDLE = (3, 4)
"""Places of idle time, and of idle time while a disk is awaited, in a line of ``/proc/stat``; "steal" is busy."""


class OtherProcesses:
    """The share of the cores that other processes take, between one look and the next.

    Counts the cores that this process is bound to. Nothing is known in a container with a CPU quota, which does not say
    on which cores it runs, nor on systems other than Linux.

    Args:
        proc: The kernel's folder of this process.
    """

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self._known = hasattr(os, "sched_getaffinity") and cpu_quota(proc) is None
        self._last = self._read() if self._known else None
        self._shares: deque[float] = deque(maxlen=LOOKS)

    def share(self) -> float | None:
        """The share in [0, 1] since the last look; ``None`` if it is not known, or too little time has passed."""
        if self._last is None:
            return None
        last, self._last = self._last, self._read()
        if self._last is None:
            return None
        elapsed, busy, own = (now - before for now, before in zip(self._last, last, strict=True))
        if elapsed <= 0:
            return None
        self._shares.append(min(1.0, max(0.0, (busy - own) / elapsed)))
        return self._shares[-1]

    def warning(self, threads: int) -> str | None:
        """Advice for a process of several threads, which wait for each other, if others took much at the last looks."""
        mean = sum(self._shares) / LOOKS
        if threads < 2 or len(self._shares) < LOOKS or mean <= CROWDED:
            return None
        free = max(1, round(threads * (1 - mean)))
        return (  # all that changes stands in parentheses, so that a log tells it once (training/logging.py)
            f"Other processes keep the cores busy ({mean:.0%} of them), and the {threads} threads of this one wait for "
            f"each other: fewer may be faster (stop, then the same command with OMP_NUM_THREADS={free})."
        )

    def _read(self) -> tuple[float, float, float] | None:
        """Seconds that all cores have been there, have been busy, and have worked for this process and its children."""
        ticks = os.sysconf("SC_CLK_TCK")
        cores = {f"cpu{core}" for core in os.sched_getaffinity(0)}
        rows = (line.split() for line in lines(self._proc.parent / "stat"))
        times = [[int(text) for text in row[1:9]] for row in rows if row and row[0] in cores]
        if len(times) != len(cores):
            return None
        total = sum(map(sum, times)) / ticks
        idle = sum(row[place] for row in times for place in _IDLE) / ticks
        ended = os.times()
        own = time.process_time() + ended.children_user + ended.children_system
        for child in multiprocessing.active_children():
            stat = "".join(lines(self._proc.parent / str(child.pid) / "stat")).rpartition(")")[2].split()
            own += sum(map(int, stat[11:13])) / ticks  # user and system time
        return total, total - idle, own
