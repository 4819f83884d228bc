"""Does the missing cells: one after the other in this process, or several at a time in processes of their own.

A cell that fails is remembered, and the others go on. SIGTERM and Ctrl-C stop everything with a checkpoint in every
cell that was at work; should this process be killed, its processes notice and do the same (see ``process``).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import torch

from codo.compare.cells import Cell, finish
from codo.errors import CodoError, Interrupted, Preempted
from codo.training.distributed import stop_signals

Done = Callable[[Cell, str | None], None]
"""Told of every cell that has ended, with the reason if it failed."""


def places(jobs: int | None, device: str) -> list[dict[str, str]]:
    """Where cells run at the same time: for each place, what is added to the environment of its process.

    Args:
        jobs: Cells at a time; ``None``: one a GPU, on the CPU one.
        device: The setting. ``cuda:N`` keeps all to that GPU.
    """
    free = device in ("auto", "cuda") and torch.cuda.is_available()
    gpus = visible_gpus(os.environ.get("CUDA_VISIBLE_DEVICES"), torch.cuda.device_count()) if free else []
    count = jobs or max(1, len(gpus))
    if gpus:
        return [{"CUDA_VISIBLE_DEVICES": gpus[place % len(gpus)]} for place in range(count)]
    threads = max(1, len(os.sched_getaffinity(0)) // count) if hasattr(os, "sched_getaffinity") else 1
    # Threads of several processes that together want more cores than there are slow each other down.
    return [{"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads))} for _ in range(count)]


def visible_gpus(visible: str | None, count: int) -> list[str]:
    """Names of the GPUs this process sees, as a process of its own understands them."""
    named = [name.strip() for name in visible.split(",")] if visible else []
    return named[:count] if len(named) >= count else [str(index) for index in range(count)]


def run_here(cells: Sequence[Cell], done: Done) -> None:
    """One cell after the other in this process.

    Raises:
        Interrupted, Preempted, KeyboardInterrupt: Asked to stop; the cell at work has a checkpoint.
    """
    with preemptible():
        for cell in cells:
            try:
                finish(cell.settings)
            except (Interrupted, Preempted):
                raise
            except CodoError as error:
                done(cell, _join(error.lines()))
            except Exception as error:  # whatever it is, the other cells are worth doing
                done(cell, f"{type(error).__name__}: {_join(str(error).splitlines()[:2])}")
            else:
                done(cell, None)


def run_apart(cells: Sequence[Cell], spots: Sequence[Mapping[str, str]], logs: Path, done: Done) -> None:
    """As many cells at a time as there are places, each in a process with its output in ``logs``.

    Raises:
        Interrupted, Preempted: Asked to stop; the cells at work have a checkpoint.
    """
    logs.mkdir(parents=True, exist_ok=True)
    waiting, running = list(cells), dict[int, tuple[Cell, subprocess.Popen[str]]]()
    try:
        with stop_signals() as stop:
            while waiting or running:
                for place, environment in enumerate(spots):
                    if place not in running and waiting:
                        cell = waiting.pop(0)
                        running[place] = cell, _start(cell, environment, _log(logs, cell))
                time.sleep(0.1)
                if stop.number:
                    _stop(running.values())
                    kind, name = (Interrupted, "Ctrl-C") if stop.number == signal.SIGINT else (Preempted, "SIGTERM")
                    what = f"stopped by {name}; {len(running)} cells at work saved a checkpoint"
                    raise kind(what, where=str(logs.parent), fix="the same command goes on")
                for place, (cell, process) in list(running.items()):
                    if process.poll() is not None:
                        del running[place]
                        done(cell, _reason(_log(logs, cell), process.returncode) if process.returncode else None)
    finally:
        _stop(running.values())


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


def _start(cell: Cell, environment: Mapping[str, str], log: Path) -> subprocess.Popen[str]:
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "codo.compare.process"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            text=True,
            env={**os.environ, **environment},
            start_new_session=True,  # Ctrl-C comes to this process alone, which passes it on in order
        )
    assert process.stdin is not None
    process.stdin.write(json.dumps(cell.settings.model_dump(mode="json")) + "\n")
    process.stdin.flush()  # and stays open: its end tells the process that this one is gone
    return process


def _stop(running: Iterable[tuple[Cell, subprocess.Popen[str]]]) -> None:
    processes = [process for _, process in running]
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait()


def _log(logs: Path, cell: Cell) -> Path:
    return logs / ("-".join(cell.path.parts[-3:]) + ".log")


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
