"""Chunks on a Ray cluster: each is a task, which Ray starts again, maybe elsewhere, when its worker or node dies.

Tasks of Ray itself, not Ray Data: images never leave the worker, only the report of their chunk does. It is so small
that Ray sends it to the driver directly, past the object store; so a store that is full does not matter.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import redirect_stdout, suppress
from typing import Any, NamedTuple, TextIO, cast

import cv2

from codo import __version__
from codo.catalog.reading import Location
from codo.core.errors import CodoError, InputError, Preempted, class_and_line
from codo.core.paths import is_url
from codo.core.signals import stop_signals
from codo.machine.cpu import usable_cores
from codo.preparation.chunk_worker import process
from codo.preparation.manifest import Item, Manifest, Report, cached_manifest

ADDRESS = "RAY_ADDRESS"
"""Ray's own variable: ``HOST:PORT`` of a cluster."""

STORE = 80_000_000
"""Bytes of the object store of a Ray that is started here: close to Ray's least, for hardly anything is kept in it."""

TASKS_PER_CORE = 2
"""Tasks that Ray knows of, for each core: enough for it to see that a cluster should grow.

None is ever canceled: Ray 2.60 may end this process (a failed check of its C++ code) when a task is canceled just as it
finishes. After an error in a process that lives on, these few finish their chunks, which are kept; they end with it.
"""

POLL = 0.2
"""Seconds after which a signal is noticed. Ray 2.60 does not pass on what a handler raises while it waits."""

CONNECT = 10.0
"""Seconds to wait for the head of a cluster. Ray itself tries for two minutes."""

VISIBLE = 60.0
"""Seconds after which a file that another node has written must be seen here: NFS may keep for that long (acdirmax of
nfs(5)) that it is not there."""

SHARE = "on a file system that all nodes share, at the same path; then run the same command again"


class Unseen(NamedTuple):
    """Files of a chunk that a node does not have, or may not read.

    Attributes:
        node: Its host name.
        files: Their paths.
    """

    node: str
    files: list[str]


def start(most: int | None) -> str | None:
    """Join the cluster of ``RAY_ADDRESS``, else that of ``ray start`` on this machine, else start one here.

    One that is started here ends with this process: the next preparation in this process finds it running.

    Args:
        most: Number of chunks at the same time, for a cluster that is started here.

    Returns:
        A line about it; ``None`` if this process was connected before.

    Raises:
        InputError: Ray is not installed, there is no cluster at that address, or none can be started.
    """
    ray = import_ray()
    if ray.is_initialized():
        return None
    address = os.environ.get(ADDRESS, "")
    _check_address(address)
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    before = signal.getsignal(signal.SIGTERM)
    try:
        try:
            cores = most or usable_cores()
            context = ray.init(num_cpus=cores, object_store_memory=STORE, include_dashboard=False, **quiet)
            done = "started on this machine"
        except ValueError:  # resources are for a new cluster only, and there is one
            context = ray.init(**quiet)
            done = f"joined the cluster at {context.address_info['gcs_address']}"
    except Exception as error:
        with suppress(Exception):
            ray.shutdown()  # what has been started before the error
        raise InputError(
            f"Ray does not start: {class_and_line(error)}",
            where=f"{ADDRESS}={address}" if address else "engine",
            fix="start a cluster with ray start --head and set RAY_ADDRESS=HOST:PORT, or leave out --engine",
        ) from error
    finally:
        with suppress(ValueError, TypeError):  # not the main thread, or a handler that is not of Python
            signal.signal(signal.SIGTERM, before)  # Ray's own exits with 15
    cores = int(ray.cluster_resources().get("CPU", 0))
    return f"Ray: {done}, CPUs: {cores}, log: {context.address_info['session_dir']}/logs"


def run(manifest: Manifest, todo: Sequence[int], most: int | None) -> Generator[Report]:
    """Process chunks on the cluster and yield their reports as they finish, in no particular order.

    Args:
        manifest: The preparation; all nodes must see its directory and local sources, at the same paths.
        todo: Numbers of the chunks that are not finished.
        most: Number of chunks at the same time; ``None``: as many as the cluster has cores, at each moment.

    Raises:
        CodoError: A chunk failed, a node does not see what it should, or Ray has stopped; finished chunks are kept.
        KeyboardInterrupt: Ctrl-C.
        Preempted: SIGTERM.
    """
    ray = import_ray()
    task = ray.remote(num_cpus=1)(process_chunk)
    arguments = (str(manifest.out), manifest.key, __version__)
    waiting = list(reversed(todo))
    running: dict[Any, int] = {}
    with stop_signals() as stop, redirect_stdout(cast(TextIO, _Screen(sys.stdout))):
        try:
            while waiting or running:
                at_once = _tasks_at_once(ray, most) if waiting else 0
                while waiting and len(running) < at_once:
                    index = waiting.pop()
                    running[task.remote(*arguments, index)] = index
                done, _ = ray.wait(list(running), timeout=POLL)
                if stop.number == signal.SIGINT:
                    raise KeyboardInterrupt
                if stop.number:
                    fix = "run the same command again: it continues where it stopped"
                    raise Preempted("stopped by SIGTERM", where=arguments[0], fix=fix)
                for ref in done:
                    index, outcome = running.pop(ref), ray.get(ref)
                    if isinstance(outcome, CodoError):
                        raise outcome
                    if isinstance(outcome, Unseen):
                        _check_gone(outcome)
                        running[task.remote(*arguments, index, trust=True)] = index
                    else:
                        yield outcome
            _wait_until_seen(manifest, todo)
        except ray.exceptions.RayError as error:
            raise _explain(error, manifest, ray.exceptions) from error


def process_chunk(out: str, key: str, version: str, index: int, trust: bool = False) -> Report | Unseen | CodoError:
    """The task: process a chunk unless this node lacks something.

    Nothing is written where a file cannot be read here: it would count as rejected, which is right only if the driver
    cannot read it either.

    Args:
        out: The catalog's directory.
        key: Of the manifest.
        version: Of CoDo on the driver.
        index: Number of the chunk.
        trust: Files that cannot be read here cannot be read by the driver.

    Returns:
        The report; or what is not seen here; or an error of CoDo, as a value: Ray would wrap an exception in its own.
    """
    cv2.setNumThreads(0)
    node = socket.gethostname()
    try:
        if version != __version__:
            what = f"a Ray node has CoDo {__version__}, the machine of the command {version}"
            raise CodoError(what, where=node, fix="install the same version on all nodes")
        try:
            manifest = cached_manifest(out, key)
        except OSError as error:
            what = f"a Ray node cannot read the catalog's directory: {error.strerror}"
            raise CodoError(what, where=f"{out} on {node}", fix=f"put --out {SHARE}") from error
        if not trust and (files := _unreadable(manifest.items(index))):
            return Unseen(node, files)
        return process(out, key, index)
    except CodoError as error:
        return error


class _Screen:
    """A stream without what Ray's threads print there: ``log_to_driver`` does not hold back errors of the raylet."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return len(text) if threading.current_thread().name.startswith("ray_") else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def import_ray() -> Any:
    """Ray.

    Raises:
        InputError: It is not installed.
    """
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise InputError("engine=ray needs Ray", where="engine", fix="pip install 'codo-detect[ray]'") from error


def _tasks_at_once(ray: Any, most: int | None) -> int:
    """How many tasks Ray may know of at present: clusters grow and shrink."""
    known = TASKS_PER_CORE * max(1, int(ray.cluster_resources().get("CPU", 0)))
    return known if most is None else min(most, known)


def _check_address(address: str) -> None:
    if "://" in address:
        fix = f"run the command on a machine of the cluster, with {ADDRESS}=HOST:PORT"
        raise InputError("Ray Client cannot be used: no disk is shared with it", where=f"{ADDRESS}={address}", fix=fix)
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return  # none, auto or local
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT).close()
    except (OSError, OverflowError) as error:
        raise InputError(
            f"no Ray cluster answers: {getattr(error, 'strerror', None) or error}",
            where=f"{ADDRESS}={address}",
            fix=f"start it with ray start --head, or unset {ADDRESS} to use this machine alone",
        ) from error


def _unreadable(items: Sequence[Item]) -> list[str]:
    files = {Location(item.uri).file for item in items if not item.problem}
    return sorted(file for file in files if not is_url(file) and not os.access(file, os.R_OK))


def _check_gone(unseen: Unseen) -> None:
    """Refuse a node that does not see files that this machine sees."""
    for file in unseen.files:
        if os.access(file, os.R_OK):
            what = f"a Ray node cannot read {len(unseen.files):,} of the source's files that are readable here"
            raise CodoError(what, where=f"{file} on {unseen.node}", fix=f"put the source {SHARE}")


def _wait_until_seen(manifest: Manifest, finished: Sequence[int]) -> None:
    """Wait until this machine sees the parts that other nodes have written."""
    end = time.monotonic() + VISIBLE
    left = list(finished)
    while left := [index for index in left if manifest.report(index) is None]:
        if time.monotonic() > end:
            what = f"Ray nodes have finished {len(left):,} parts that this machine cannot see"
            raise CodoError(what, where=str(manifest.part(left[0])), fix=f"put --out {SHARE}")
        time.sleep(0.2)


def _explain(error: Exception, manifest: Manifest, kinds: Any) -> CodoError:
    """What a failed task or a lost cluster means; Ray has tried again already where that may help."""
    out, again = str(manifest.out), "run the same command again: it continues where it stopped"
    if isinstance(error, kinds.WorkerCrashedError | kinds.OutOfMemoryError | kinds.NodeDiedError):
        what = "Ray gave up a chunk whose worker was killed again and again, probably out of memory"
        return CodoError(what, where=out, fix="run the same command again with fewer --jobs: it continues")
    if "No module named 'codo" in str(error):
        what = "a Ray node has no CoDo, or another version"
        return CodoError(what, where=out, fix=f"install {__version__} on all nodes; then run the same command again")
    cause = error.cause if isinstance(error, kinds.RayTaskError) and error.cause else error
    return CodoError(f"Ray stopped: {class_and_line(cause)}", where=out, fix=f"see Ray's log, then {again}")
