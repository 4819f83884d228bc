"""Where chunks are processed: worker processes of this machine, or a Ray cluster (`ray_engine`)."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import cv2
import numpy as np

from codo.core.errors import CodoError, InputError
from codo.core.signals import STOPPING
from codo.machine.cpu import usable_cores
from codo.preparation import ray_engine
from codo.preparation.chunk_worker import process
from codo.preparation.manifest import Manifest, Report, cached_manifest
from codo.proposals.filters import propose

ENGINES = ("local", "ray")


def check(engine: str) -> None:
    """Refuse an engine that is unknown or not installed, before anything is written.

    Raises:
        InputError: There is no such engine here.
    """
    if engine not in ENGINES:
        raise InputError(f"unknown engine '{engine}'", where="engine", fix=f"one of: {', '.join(ENGINES)}")
    if engine == "ray":
        ray_engine.import_ray()


def start(engine: str, jobs: int | None) -> str | None:
    """Make the engine ready, before anything is written.

    Args:
        engine: ``local`` or ``ray``.
        jobs: As for `run`.

    Returns:
        A line for the user about what was started, if anything was.

    Raises:
        InputError: It cannot be started.
    """
    return ray_engine.start(jobs) if engine == "ray" else None


def run(engine: str, manifest: Manifest, todo: Sequence[int], jobs: int | None) -> Generator[Report]:
    """Process chunks and yield their reports as they finish, in no particular order.

    Args:
        engine: ``local`` or ``ray``.
        manifest: The preparation.
        todo: Numbers of the chunks that are not finished.
        jobs: Number of chunks at the same time; ``None``: one for each core of this machine, or of Ray's cluster.

    Raises:
        CodoError: A chunk failed; finished chunks are kept.
    """
    if engine == "ray":
        return ray_engine.run(manifest, todo, jobs)
    jobs = jobs if jobs is not None else usable_cores()
    if jobs == 1 or len(todo) <= 1:
        return _here(manifest, todo)
    return _in_processes(manifest, todo, min(jobs, len(todo)))


def _here(manifest: Manifest, todo: Sequence[int]) -> Generator[Report]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # one job means one core
    try:
        for index in todo:
            yield process(str(manifest.out), manifest.key, index)
    finally:
        cv2.setNumThreads(threads)


def _in_processes(manifest: Manifest, todo: Sequence[int], jobs: int) -> Generator[Report]:
    out = str(manifest.out)
    # Forks share the listing and the compiled search; where forking is unsafe (macOS) each process loads its own.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    if context.get_start_method() == "fork":
        cached_manifest(out, manifest.key)
        if manifest.settings.propose:
            propose(np.zeros((64, 64, 3), np.uint8), manifest.settings.proposals)  # compiles once, before the fork
    end = context.RawValue("b", 0)  # without a lock, which a killed worker may hold
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_init_worker, initargs=(os.getpid(), end))
    waiting = list(reversed(todo))
    running: set[Future[Report]] = set()
    try:
        while waiting or running:
            while waiting and len(running) < 2 * jobs:
                running.add(pool.submit(process, out, manifest.key, waiting.pop()))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except BrokenProcessPool as error:
        end.value = 1  # the pool ends the others by SIGTERM, and waits for them
        raise CodoError(
            "a worker process was killed, probably out of memory",
            where=out,
            fix="run the same command again with fewer --jobs: it continues where it stopped",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _init_worker(parent: int, end: Any) -> None:
    """One thread per worker; signals are handled by the main process; a worker never outlives it."""
    cv2.setNumThreads(0)
    for number in (signal.SIGINT, *STOPPING):
        signal.signal(number, signal.SIG_IGN)

    def watch() -> None:
        # A worker does not notice otherwise that its parent was killed: its siblings hold the queue's pipe open.
        while os.getppid() == parent and not end.value:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
