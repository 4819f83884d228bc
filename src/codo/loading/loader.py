"""The one place where data loaders are built: for pretraining, finetuning, evaluation and prediction.

An item of every dataset here is complete (a whole step, or an image to predict on), so nothing is collated. The content
of an item never depends on the number of workers (see ``codo.core.rng``), nor on its way here (``delivery``).

Nothing waits for a worker without end: an item that is lost is an error, so is a worker that dies, and workers that do
not stop when the iteration ends are killed.
"""

from __future__ import annotations

import math
import multiprocessing
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from typing import Any, Literal, Protocol

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from codo.core.errors import CodoError
from codo.core.signals import STOPPING
from codo.loading.delivery import SHARED_MEMORY, SPARE, Delivered, Piped, free_memory, received, report_lost_items

StartMethod = Literal["fork", "spawn", "forkserver"]

START_METHOD: StartMethod = "fork" if sys.platform == "linux" else "spawn"
"""How workers are started. Set explicitly, because Python's default changes (forkserver on Linux from 3.14 on).

Forked workers start at once and share the memory of the main process, with its compiled kernels and its catalog. They
do not use the GPU, and are started before the first step runs. On macOS, system libraries do not support forking.
"""
PREFETCH = 2
"""Items that each worker makes in advance."""
GRACE = 3.0
"""Seconds that the workers have for their last item when the iteration ends early."""
_DIED = re.compile(r"DataLoader worker \(pid[^0-9]*[0-9, ]*\)")
_END = object()


class ItemSampler(Protocol):
    """The keys with which a dataset is indexed, in order: a sampler, a list or a range."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...


class Loader(DataLoader[Any]):
    """Torch's loader, whose workers end with the iteration and whose items come whatever the size of shared memory.

    Args:
        *args: As for torch's loader.
        ranks: Processes on this machine that have a loader like this one, and share its memory.
        warn: Called with a warning when items do not fit into shared memory.
        **options: As for torch's loader.
    """

    def __init__(self, *args: Any, ranks: int, warn: Callable[[str], None], **options: Any) -> None:
        super().__init__(*args, **options)
        self._ranks, self._warn, self._told = ranks, warn, False

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # torch's is typed as a private class
        """Iterate; the workers are started with the first item.

        Raises:
            CodoError: A worker died.
        """
        others = set(multiprocessing.active_children())
        source = super().__iter__()
        workers = [process for process in multiprocessing.active_children() if process not in others]
        finished = False
        # At the end of a program Python joins its processes before it clears globals: for an iterator in one of them,
        # the ``finally`` below comes too late.
        at_exit = Finalize(None, kill_at_exit, (workers,), exitpriority=0)
        try:
            with dead_workers_told():
                while (item := next(source, _END)) is not _END:
                    yield received(item, self._tell)
            finished = True
        finally:
            ended = not at_exit.still_active()
            at_exit.cancel()
            if workers and not (finished or ended):
                end_workers(workers, getattr(source, "_shutdown_workers", lambda: None))

    def _tell(self, piped: Piped) -> None:
        if not self._told:
            self._told = True
            needed = (PREFETCH * self.num_workers + 2) * self._ranks * piped.size + SPARE
            self._warn(
                f"{SHARED_MEMORY} has {piped.free / 2**20:.0f} MB free, too little for batches of "
                f"{piped.size / 2**20:.0f} MB from {self._ranks * self.num_workers} workers: they are sent through "
                f"pipes, a little slower; a container started with --shm-size={math.ceil(needed / 2**30)}g has enough"
            )


def build_loader(
    dataset: Dataset[Any],
    sampler: ItemSampler,
    *,
    workers: int,
    device: torch.device,
    start_method: StartMethod = START_METHOD,
    ranks: int = 1,
    warn: Callable[[str], None] = lambda message: None,
) -> Loader:
    """Build a loader that yields the items of a dataset in the order of a sampler, on the CPU.

    Args:
        dataset: Maps what the sampler yields to an item, or returns (does not raise) the error that prevented it.
        sampler: The sampler of this process.
        workers: Worker processes; no more are started than there are items. 0: items are loaded in this process.
        device: Where items are copied afterwards; for a GPU they are put into pinned memory.
        start_method: How workers are started. With ``spawn`` and ``forkserver`` the dataset is pickled.
        ranks: Processes on this machine that have a loader like this one, and share its memory.
        warn: Called with a warning when shared memory is too small.
    """
    workers = min(workers, len(sampler))
    free = free_memory()
    if workers and free is not None and free < 2**20:  # not even the locks of the workers' queues have a place
        warn(f"{SHARED_MEMORY} is full or missing: workers=0; give a container more with --shm-size")
        workers = 0
    return Loader(
        Delivered(dataset, workers * ranks) if workers else dataset,
        ranks=ranks,
        warn=warn,
        batch_size=None,
        sampler=sampler,
        num_workers=workers,
        pin_memory=device.type == "cuda",
        collate_fn=identity_collate,
        worker_init_fn=worker_init,
        prefetch_factor=PREFETCH if workers else None,
        multiprocessing_context=start_method if workers else None,
        # Iterating draws a seed for the workers. Without its own generator the loader would draw it from torch's global
        # one, and random numbers of a method (dropout) would depend on how often the run was resumed.
        generator=torch.Generator(),
    )


def identity_collate(item: Any) -> Any:
    """Return an item unchanged: the default would convert arrays that must stay on the host to tensors."""
    return item


def worker_init(_: int) -> None:
    """Use one thread per worker, report lost items, and ignore signals: the main process decides when to stop."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    report_lost_items()


@contextmanager
def dead_workers_told() -> Iterator[None]:
    """Raise torch's error about a dead worker as one for users. Torch raises it anywhere in the main thread.

    Raises:
        CodoError: A worker died.
    """
    try:
        yield
    except RuntimeError as error:
        told = [str(one) for one in (error.__cause__, error) if _DIED.search(str(one))]
        if not told:
            raise
        raise CodoError(
            f"a loader worker {_DIED.split(told[0])[1].strip(' .')}",
            where="workers",
            fix="probably out of memory: set fewer workers=, then run the same command again to resume",
        ) from error


def end_workers(workers: list[BaseProcess], shutdown: Callable[[], None]) -> None:
    """End the workers of a loader: those that do not stop within `GRACE` seconds are killed.

    Torch waits for each of them, and then sends SIGTERM, which they ignore; at the end of the program Python would
    wait for them without end.

    Args:
        workers: The processes.
        shutdown: Asks all of them to stop, and waits.
    """
    handler = remove_torchs_handler()
    timer = threading.Timer(GRACE, kill, (workers,))
    timer.daemon = True
    timer.start()
    try:
        shutdown()
    finally:
        timer.cancel()
        kill(workers)
        if handler is not None:
            signal.signal(signal.SIGCHLD, handler)


def kill(workers: list[BaseProcess]) -> None:
    """End workers at once; nothing happens to those that have ended."""
    for worker in workers:
        worker.kill()


def kill_at_exit(workers: list[BaseProcess]) -> None:
    """End workers at the end of the program."""
    remove_torchs_handler()
    kill(workers)


def remove_torchs_handler() -> Any:
    """Remove torch's handler of ended processes, which raises an error in the main thread for each that was killed.

    Returns:
        The handler; ``None`` in other threads, which cannot change it.
    """
    in_main = threading.current_thread() is threading.main_thread()
    return signal.signal(signal.SIGCHLD, signal.SIG_DFL) if in_main else None
