"""Where chunks are processed: worker processes of this machine, or a Ray cluster. Both call `chunk_worker.process`."""

from __future__ import annotations

import importlib
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

from codo.core.errors import CodoError, InputError, class_and_line
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
        _ray_data()


def run(engine: str, manifest: Manifest, todo: Sequence[int], jobs: int) -> Generator[Report]:
    """Process chunks and yield their reports as they finish, in no particular order.

    Args:
        engine: ``local`` or ``ray``.
        manifest: The preparation.
        todo: Numbers of the chunks that are not finished.
        jobs: Number of processes (Ray uses those of its cluster).

    Raises:
        CodoError: A chunk failed; finished chunks are kept.
    """
    if engine == "ray":
        return _on_ray(manifest, todo)
    if jobs == 1 or len(todo) <= 1:
        return _here(manifest, todo)
    return _in_processes(manifest, todo, min(jobs, len(todo)))


def _here(manifest: Manifest, todo: Sequence[int]) -> Generator[Report]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # one job means one core
    try:
        for index in todo:
            yield process(str(manifest.out), manifest.fingerprint, index)
    finally:
        cv2.setNumThreads(threads)


def _in_processes(manifest: Manifest, todo: Sequence[int], jobs: int) -> Generator[Report]:
    out = str(manifest.out)
    # Forks share the listing and the compiled search; where forking is unsafe (macOS) each process loads its own.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    if context.get_start_method() == "fork":
        cached_manifest(out, manifest.fingerprint)
        if manifest.settings.propose:
            propose(np.zeros((64, 64, 3), np.uint8), manifest.settings.proposals)  # compiles once, before the fork
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_init_worker, initargs=(os.getpid(),))
    waiting = list(reversed(todo))
    running: set[Future[Report]] = set()
    try:
        while waiting or running:
            while waiting and len(running) < 2 * jobs:
                running.add(pool.submit(process, out, manifest.fingerprint, waiting.pop()))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except BrokenProcessPool as error:
        raise CodoError(
            "a worker process was killed, probably out of memory",
            where=out,
            fix="run the same command again with fewer --jobs: it continues where it stopped",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _init_worker(parent: int) -> None:
    """One thread per worker; Ctrl-C is handled by the main process; a worker never outlives it."""
    cv2.setNumThreads(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        # A worker does not notice otherwise that its parent was killed: its siblings hold the queue's pipe open.
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _on_ray(manifest: Manifest, todo: Sequence[int]) -> Generator[Report]:
    """Process chunks on a Ray cluster; all its nodes must see ``out`` and a local source at the same path."""
    data = _ray_data()
    out, fingerprint = str(manifest.out), manifest.fingerprint

    def process_row(row: dict[str, Any]) -> dict[str, Any]:
        cv2.setNumThreads(0)
        try:
            process(out, fingerprint, int(row["chunk"]))
        except CodoError as error:  # as a value: Ray would wrap an exception in its own
            return {"chunk": row["chunk"], "what": error.what, "where": error.where, "fix": error.fix}
        return {"chunk": row["chunk"], "what": "", "where": "", "fix": ""}

    chunks = data.from_items([{"chunk": index} for index in todo], override_num_blocks=len(todo))
    try:
        for row in chunks.map(process_row).iter_rows():
            if row["what"]:
                raise CodoError(row["what"], where=row["where"], fix=row["fix"])
            report = manifest.report(int(row["chunk"]))
            if report is None:
                raise CodoError(
                    "a Ray worker finished a chunk that this machine cannot see",
                    where=out,
                    fix="put --out on a file system that all nodes share, at the same path",
                )
            yield report
    except CodoError:
        raise
    except Exception as error:
        raise CodoError(
            f"Ray stopped: {class_and_line(error)}",
            where=out,
            fix="see Ray's log, then run the same command again: it continues where it stopped",
        ) from error


def _ray_data() -> Any:
    try:
        return importlib.import_module("ray.data")
    except ImportError as error:
        raise InputError("engine=ray needs Ray", where="engine", fix="pip install 'codo-detect[ray]'") from error
