"""What is done to a command at its moment, and how it ends.

SIGKILL and SIGTERM go to the command or to one of its processes. A stopped process is met by the same command a second
time, before it goes on or is killed. A disk is full when a ``tmpfs`` of limited size is.
"""

from __future__ import annotations

import math
import os
import random
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.endurance import processes
from benchmarks.endurance.cases import Case
from benchmarks.endurance.processes import Process, until

KILL, TERM, GO_ON, STOP_KILL, FULL = "SIGKILL", "SIGTERM", "SIGSTOP, SIGCONT", "SIGSTOP, SIGKILL", "disk full"
FAULTS = (KILL, TERM, GO_ON, STOP_KILL, FULL)
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Undisturbed:
    """What a command takes that is left alone.

    Attributes:
        cpu: CPU seconds of all its processes, forked.
        fresh_cpu: The same of a fresh Python.
        changes: File operations of its main process.
        size: Bytes that it leaves.
        digests: What it leaves, see ``contents``.
    """

    cpu: float
    fresh_cpu: float
    changes: int
    size: int
    digests: dict[str, str]


@dataclass
class Outcome:
    """What a fault did.

    Attributes:
        hit: Whether it came before the command ended.
        code: Exit code of the command.
        message: What it said at its end: the three lines of an error.
        moment: When, in words.
        process: ``command`` or ``worker``, which one the signal went to.
        second: Exit code and message of the same command, started while it was stopped.
        violations: What must not be.
    """

    hit: bool = False
    code: int = 0
    message: str = ""
    moment: str = ""
    process: str = "command"
    second: tuple[int, str] | None = None
    violations: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """For the record."""
        second = {"second": list(self.second)} if self.second else {}
        return {"code": self.code, "message": self.message, "moment": self.moment, "process": self.process, **second}


class Disk:
    """A folder on a small disk of its own, if this user may mount one; else an ordinary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.mounted = folder.is_mount() or _mount("mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(folder))

    def limit(self, size: int | None) -> None:
        """Let it hold so many bytes; ``None`` for plenty."""
        if self.mounted:
            _mount("mount", "-o", f"remount,size={size or 1 << 30}", str(self.folder))

    def used(self) -> int:
        """Bytes on it."""
        found = os.statvfs(self.folder)
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    def clear(self) -> None:
        """Remove everything."""
        self.limit(None)
        for entry in self.folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def close(self) -> None:
        """Give it back."""
        if self.mounted:
            _mount("umount", str(self.folder))


def _mount(*words: str) -> bool:
    return os.geteuid() == 0 and subprocess.run(words, check=False, capture_output=True).returncode == 0


@dataclass(frozen=True)
class Bench:
    """Where a command runs: its arguments, its inputs, its disk, its log."""

    case: Case
    arguments: list[str]
    inputs: Path
    disk: Disk
    log: Path
    fresh: bool

    def start(self, at: int = 0, change: str = "", log: str = "") -> Process:
        """Start the command."""
        place = self.log.with_name(log) if log else self.log
        return processes.start(
            self.arguments, self.inputs, self.disk.folder, place, fresh=self.fresh, at=at, change=change
        )

    def finish(self, process: Process, outcome: Outcome) -> bool:
        """Wait for its end; a process that hangs is a violation, and is ended."""
        if process.ends():
            return True
        outcome.violations.append(f"hangs: {process.output()[-300:]}")
        processes.end_left_behind()
        process.wait(10)
        return False


def strike(bench: Bench, fault: str, undisturbed: Undisturbed, rng: random.Random) -> Outcome:
    """Start the command, and do one thing to it."""
    outcome = Outcome()
    if fault == FULL:
        process = _on_a_full_disk(bench, undisturbed, rng, outcome)
    else:
        process = _signaled(bench, fault, undisturbed, rng, outcome)
    outcome.code, outcome.message = process.code or 0, last_words(process.output())
    return outcome


def _on_a_full_disk(bench: Bench, undisturbed: Undisturbed, rng: random.Random, outcome: Outcome) -> Process:
    free = rng.randrange(0, max(PAGE, int(1.1 * undisturbed.size) - bench.disk.used() + 64 * PAGE)) // PAGE * PAGE
    outcome.moment = f"{free} bytes free"
    bench.disk.limit(bench.disk.used() + free + PAGE)
    process = bench.start()
    bench.finish(process, outcome)
    processes.left_behind(5)
    bench.disk.limit(None)
    text = process.output()
    outcome.hit = process.code != 0 or "no space left" in text.lower()
    if outcome.hit and process.code not in (0, 1, 2):
        outcome.violations.append(f"exit code {process.code} on a full disk: {text[-500:]}")
    return process


def _signaled(bench: Bench, fault: str, undisturbed: Undisturbed, rng: random.Random, outcome: Outcome) -> Process:
    first = fault.partition(",")[0]
    by_change = not bench.fresh and rng.random() < 0.5
    if by_change:
        at = rng.randint(1, undisturbed.changes)
        outcome.moment = f"change {at} of {undisturbed.changes}"
        process = bench.start(at, first)
        until(process, math.inf)
        victims = [struck] if (struck := process.struck()) else []
        outcome.hit = bool(victims)
    else:
        cpu = rng.uniform(0, undisturbed.fresh_cpu if bench.fresh else undisturbed.cpu)
        outcome.moment, victims = f"CPU {cpu:.3f} s", []
        process = bench.start()
        if until(process, cpu):
            victims = [_victim(process, rng)]
            outcome.hit = process.signal(getattr(signal, first), victims[0])
    outcome.process = "command" if victims in ([process.pid], []) else "worker"
    if "STOP" in fault and outcome.hit:
        _meet(bench, fault, process, victims, outcome)
    bench.finish(process, outcome)
    return process


def _victim(process: Process, rng: random.Random) -> int:
    """The command, in one of three cases one of its processes, if it has some."""
    below = process.tree()[1:]
    return rng.choice(below) if below and rng.random() < 1 / 3 else process.pid


def _meet(bench: Bench, fault: str, process: Process, victims: list[int], outcome: Outcome) -> None:
    """Start the same command beside a stopped one; then let the stopped one go on, or kill it."""
    second = bench.start(log="second.log")
    bench.finish(second, outcome)
    outcome.second = (second.code or 0, last_words(second.output()))
    if "Traceback" in second.output() or "unexpected" in outcome.second[1]:
        outcome.violations.append(f"the second command: {second.output()[-500:]}")
    number = signal.SIGCONT if fault == GO_ON else signal.SIGKILL
    for pid in victims:
        process.signal(number, pid)


def last_words(output: str) -> str:
    """The three lines of an error; the last line of anything else that is not a row of numbers; shortened."""
    lines = [line for line in output.splitlines() if line.strip()]
    starts = [i for i, line in enumerate(lines) if line.startswith("codo: ")]
    if starts:
        return "\n".join(_short(line) for line in lines[starts[-1] : starts[-1] + 3])
    warned = [line for line in lines if line.startswith("WARNING the report")]
    return _short(warned[-1]) if warned else ""


def _short(line: str) -> str:
    return re.sub(r"/\S*/disk/", "OUT/", line)[:240]
