"""The one place where a data loader is built: for pretraining, finetuning, evaluation and prediction.

An item of every data set here is ready to be used (a whole step, or an image to predict on), so that nothing is
collated. What an item looks like never depends on the workers (see ``codo.core.rng``); they only make it sooner.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from typing import Any, Literal, Protocol

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

StartMethod = Literal["fork", "spawn", "forkserver"]

START_METHOD: StartMethod = "fork" if sys.platform == "linux" else "spawn"
"""How workers are started. Named, because Python's own choice changes (forkserver on Linux from 3.14 on).

Forked workers begin at once and have the compiled kernels and the catalog of the main process, whose pages they share.
They touch no GPU, and are started before the step's threads are busy. On macOS, system libraries do not survive a fork.
"""


class Order(Protocol):
    """What is asked of a data set, one after the other: a sampler, a list, a range."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...


def build_loader(
    dataset: Dataset[Any],
    sampler: Order,
    *,
    workers: int,
    device: torch.device,
    start_method: StartMethod = START_METHOD,
) -> DataLoader[Any]:
    """Items of a data set in the order of a sampler, on the CPU.

    Args:
        dataset: Gives an item, or as a value the error that prevented it, for whatever the sampler yields.
        sampler: Of this process alone.
        workers: Processes that make items; no more are started than there are items. 0: made by this process.
        device: What items are copied to afterwards; for a GPU they are put into pinned memory.
        start_method: How workers are started. With ``spawn`` and ``forkserver`` the data set is pickled.
    """
    workers = min(workers, len(sampler))
    return DataLoader(
        dataset,
        batch_size=None,
        sampler=sampler,
        num_workers=workers,
        pin_memory=device.type == "cuda",
        collate_fn=identity_collate,
        worker_init_fn=worker_init,
        prefetch_factor=2 if workers else None,
        multiprocessing_context=start_method if workers else None,
        # Iterating draws a seed for the workers: without a generator of its own from torch's global one, so that
        # whatever a method draws would depend on how often the run was resumed.
        generator=torch.Generator(),
    )


def identity_collate(item: Any) -> Any:
    """Leave an item alone: the loader would make tensors of arrays that are to stay on the host."""
    return item


def worker_init(_: int) -> None:
    """One thread a worker, and signals left to the main process, which decides when to stop."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
