"""A command as a process of its own, and how far it is: forked with its imports done, or a fresh Python."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.endurance.cases import run_command

TICK = 1 / os.sysconf("SC_CLK_TCK")
IDLE = 60.0
"""Seconds in which a process that hangs uses less than 0.5% of a core."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate")
"""Audit events of Python that change a folder; opening to write is the other one."""


def adopt_orphans() -> None:
    """Become the parent of processes whose parent was killed, so that none is lost from sight (Linux)."""
    _prctl(36, 1)  # PR_SET_CHILD_SUBREAPER


def die_with_parent() -> None:
    """Be killed when the parent is: commands must not outlive a killed harness and meet those of the next one."""
    _prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


@dataclass
class Process:
    """A started command.

    Attributes:
        pid: Its id.
        log: Where its output goes.
        code: Its exit code, negative for a signal; ``None`` while it runs.
        fresh: Whether it is a fresh Python.
    """

    pid: int
    log: Path
    fresh: bool = False
    code: int | None = None

    def poll(self) -> int | None:
        """The exit code, or ``None`` while it runs."""
        if self.code is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # `end_left_behind` has reaped it
                self.code = -signal.SIGKILL
            else:
                self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code

    def wait(self, seconds: float) -> bool:
        """Whether it ends within a time."""
        end = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < end:
            time.sleep(0.003)
        return self.code is not None

    def ends(self) -> bool:
        """Wait for its end; ``False`` if it does nothing for `IDLE` seconds. By CPU time: the machine is shared."""
        while self.code is None:
            before = self.cpu()
            if not self.wait(IDLE) and self.cpu() - before < IDLE / 200:
                return False
        return True

    def struck(self) -> int | None:
        """The id of the process that has sent itself the signal, as it was told to."""
        path = self.log.with_suffix(".struck")
        return int(path.read_text(encoding="utf-8")) if path.is_file() else None

    def output(self) -> str:
        """What it printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def tree(self) -> list[int]:
        """It and its descendants that run."""
        return [self.pid, *descendants(self.pid)]

    def cpu(self) -> float:
        """CPU seconds so far, with those of its descendants."""
        return sum(map(_cpu, self.tree()))

    def signal(self, number: int, pid: int | None = None) -> bool:
        """Send a signal to it, or to one of its tree; whether that process still was there."""
        if pid in (None, self.pid) and self.poll() is not None:
            return False
        try:
            os.kill(pid or self.pid, number)
        except ProcessLookupError:
            return False
        return True


def start(
    arguments: list[str], inputs: Path, work: Path, log: Path, *, fresh: bool = False, at: int = 0, change: str = ""
) -> Process:
    """Start a command.

    Args:
        arguments: Of ``codo``.
        inputs: Its working folder.
        work: The folder in which it writes.
        log: Where its output goes.
        fresh: A fresh Python instead of a fork of this process.
        at: Before this change of its folder (from 1) it sends itself the signal named by ``change``; 0 for never.
        change: ``SIGKILL``, …; empty to count the changes only, into the file beside the log that ends in ``.changes``.
    """
    with log.open("wb") as file:
        if fresh:
            small = ["benchmarks.endurance.processes", str(inputs)] if arguments[0] == "demo" else ["codo.cli"]
            words = [sys.executable, "-m", *small, *arguments]
            child = subprocess.Popen(
                words, stdout=file, stderr=file, start_new_session=True, cwd=inputs, preexec_fn=die_with_parent
            )
            child.returncode = 0  # `Process.poll` reaps it
            return Process(child.pid, log, fresh=True)
        log.with_suffix(".struck").unlink(missing_ok=True)
        pid = os.fork()
        if pid:
            return Process(pid, log)
        die_with_parent()
        os.setsid()
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    _child(lambda: _counted(arguments, inputs, work, log, at, change))
    raise AssertionError("a child never returns")


def run_apart(work: Callable[[], object], log: Path) -> int:
    """Run a function in a forked child with its output in a file; returns the exit code."""

    def done() -> int:
        work()
        return 0

    pid = os.fork()
    if not pid:
        with log.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        _child(done)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def import_modules(names: Path) -> None:
    """Import what a child had imported at its end, so that the next ones start with it."""
    for name in names.read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def _child(work: Callable[[], int]) -> None:
    """Run in a forked child and end it, as the interpreter would: with exit handlers, never into its parent's code."""
    import traceback

    from codo.core.interpreter import end_program

    code = 1
    try:
        code = work()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    end_program(code)
    os._exit(code)


def _counted(arguments: list[str], inputs: Path, work: Path, log: Path, at: int, change: str) -> int:
    """Run the command; count what it changes in its folder, or stop it at one of the changes."""
    root, count = f"{work}/", 0

    def hook(event: str, values: tuple[object, ...]) -> None:
        nonlocal count
        if event == "open":
            if not (isinstance(values[2], int) and values[2] & WRITING):
                return
        elif event not in CHANGES:
            return
        if str(values[0]).startswith(root):
            count += 1
            if count == at and change:
                try:
                    with log.with_suffix(".struck").open("x", encoding="utf-8") as file:
                        file.write(str(os.getpid()))
                except FileExistsError:  # another process of the command was the first to get so far
                    return
                os.kill(os.getpid(), getattr(signal, change))

    sys.addaudithook(hook)
    code = run_command(arguments, inputs)
    if not change:
        changes = count
        log.with_suffix(".changes").write_text(str(changes), encoding="utf-8")
        names = [name for name in sys.modules if "." not in name or name.split(".")[0] in WARM]
        log.with_suffix(".modules").write_text("\n".join(names), encoding="utf-8")
    return code


WARM = ("codo", "matplotlib", "jinja2", "torch", "torchvision", "safetensors", "pyarrow", "hotcoco", "pycocotools")
"""Packages whose modules are imported once, in the process that is forked."""


def descendants(pid: int) -> list[int]:
    """All processes below one."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def state_of(pid: int) -> str:
    """``R``, ``S``, ``T`` (stopped), ``Z``, … of a process; empty when it is gone."""
    fields = _stat(pid)
    return fields[0] if fields else ""


def stopped(process: Process) -> list[int]:
    """Those of its tree that are stopped."""
    return [pid for pid in process.tree() if state_of(pid) == "T"]


def left_behind(seconds: float) -> list[str]:
    """Wait for processes that a killed one has left; returns the command lines of those that stay.

    Zombies among them are reaped: their parent is this process.
    """
    end = time.monotonic() + seconds
    while True:
        left = [pid for pid in descendants(os.getpid()) if not _reaped(pid)]
        if not left or time.monotonic() > end:
            return [_command_line(pid) for pid in left]
        time.sleep(0.02)


def end_left_behind() -> None:
    """End whatever runs below this process."""
    for pid in descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    left_behind(10)


def _reaped(pid: int) -> bool:
    if state_of(pid) != "Z":
        return False
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return True


def _command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    return str(pid)


def _stat(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return []


def _cpu(pid: int) -> float:
    """CPU seconds of a process and of its children that have ended."""
    fields = _stat(pid)
    if not fields:
        return 0.0
    own = TICK * (int(fields[11]) + int(fields[12]))
    with contextlib.suppress(OSError):  # finer than the ticks of /proc
        own = time.clock_gettime((~pid << 3) | 2)
    return own + TICK * (int(fields[13]) + int(fields[14]))


def until(process: Process, cpu: float) -> bool:
    """Wait until the tree has used ``cpu`` seconds or has stopped itself; ``False`` if it ends before, or hangs."""
    moved, last = time.monotonic(), 0.0
    while process.poll() is None and time.monotonic() - moved < IDLE:
        if (used := process.cpu()) >= cpu or stopped(process):
            return True
        if used > last + 0.01:
            moved, last = time.monotonic(), used
        time.sleep(0.002)
    return False


if __name__ == "__main__":
    sys.exit(run_command(sys.argv[2:], Path(sys.argv[1])))
