"""Does pieces of work: one after the other in this process, or several at a time in processes of their own.

One that fails is remembered, and the others go on. SIGTERM and Ctrl-C stop everything with a checkpoint in every run
that was at work; should this process be killed, its processes notice and do the same (see ``process``).
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TypeVar

from codo.comparison.jobs import Job, run_job, serialize
from codo.core.errors import CodoError, Interrupted, Preempted, class_and_line
from codo.training.distributed import stop_signals

W = TypeVar("W", bound=Job)


def run_in_process(works: Sequence[W], done: Callable[[W, str | None], None]) -> None:
    """One piece of work after the other in this process.

    Args:
        works: What to do.
        done: Told of each that has ended, with the reason if it failed.

    Raises:
        Interrupted, Preempted, KeyboardInterrupt: Asked to stop; the run at work has a checkpoint.
    """
    with preemptible():
        for work in works:
            try:
                run_job(work)
            except (Interrupted, Preempted):
                raise
            except CodoError as error:
                done(work, _join(error.lines()))
            except Exception as error:  # whatever it is, the others are worth doing
                done(work, class_and_line(error))
            else:
                done(work, None)


def run_in_workers(
    works: Sequence[W], places: Sequence[Mapping[str, str]], logs: Path, done: Callable[[W, str | None], None]
) -> None:
    """As many pieces of work at a time as there are places, each in a process with its output in ``logs``.

    Args:
        works: What to do.
        places: The environment of the process at each place.
        logs: Folder of what the processes print.
        done: Told of each that has ended, with the reason if it failed.

    Raises:
        Interrupted, Preempted: Asked to stop; the runs at work have a checkpoint.
    """
    logs.mkdir(parents=True, exist_ok=True)
    waiting = list(works)
    running: dict[int, tuple[W, subprocess.Popen[str]]] = {}
    try:
        with stop_signals() as stop:
            while waiting or running:
                for place, environment in enumerate(places):
                    if place not in running and waiting:
                        work = waiting.pop(0)
                        running[place] = work, _start(work, environment, _log(logs, work))
                time.sleep(0.1)
                if stop.number:
                    _stop(process for _, process in running.values())
                    kind, name = (Interrupted, "Ctrl-C") if stop.number == signal.SIGINT else (Preempted, "SIGTERM")
                    what = f"stopped by {name}; {len(running)} at work saved a checkpoint"
                    raise kind(what, where=str(logs.parent), fix="the same command goes on")
                for place, (work, process) in list(running.items()):
                    if process.poll() is not None:
                        del running[place]
                        done(work, _reason(_log(logs, work), process.returncode) if process.returncode else None)
    finally:
        _stop(process for _, process in running.values())


@contextmanager
def preemptible() -> Iterator[None]:
    """SIGTERM outside of training (which has its own way) ends the program in order, with the right exit code."""

    def handler(number: int, frame: FrameType | None) -> None:
        raise Preempted("stopped by SIGTERM", where="codo compare", fix="the same command goes on")

    try:
        before = signal.signal(signal.SIGTERM, handler)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _start(work: Job, environment: Mapping[str, str], log: Path) -> subprocess.Popen[str]:
    print(f"{work}: at work, {log}", flush=True)
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "codo.comparison.worker"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            text=True,
            env=dict(environment),
            start_new_session=True,  # Ctrl-C comes to this process alone, which passes it on in order
        )
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it has died at once, which its exit code will say
        process.stdin.write(serialize(work))
        process.stdin.flush()  # and stays open: its end tells the process that this one is gone
    return process


def _stop(processes: Iterable[subprocess.Popen[str]]) -> None:
    stopped = list(processes)
    for process in stopped:
        process.terminate()
    for process in stopped:
        process.wait()


def _log(logs: Path, work: Job) -> Path:
    return logs / ("-".join(work.path.parts[-3:]) + ".log")


def _reason(log: Path, code: int) -> str:
    """The last words of a process: the error it printed, else its last line."""
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    starts = [i for i, line in enumerate(lines) if line.startswith("codo: ")]
    if starts:
        return _join([lines[starts[-1]].removeprefix("codo: "), *lines[starts[-1] + 1 :]][:3])
    ended = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    return _join([ended, *lines[-1:]]) + f" (log: {log})"


def _join(lines: Sequence[str]) -> str:
    return "; ".join(line.strip() for line in lines)
