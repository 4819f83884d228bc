"""The one place where data loaders are built: for pretraining, finetuning, evaluation and prediction.

An item of every dataset here is complete (a whole step, or an image to predict on), so nothing is collated. The content
of an item never depends on the number of workers (see ``codo.core.rng``).
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
"""How workers are started. Set explicitly, because Python's default changes (forkserver on Linux from 3.14 on).

Forked workers start at once and share the memory of the main process, with its compiled kernels and its catalog. They
do not use the GPU, and are started before the first step runs. On macOS, system libraries do not support forking.
"""


class ItemSampler(Protocol):
    """The keys with which a dataset is indexed, in order: a sampler, a list or a range."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...


def build_loader(
    dataset: Dataset[Any],
    sampler: ItemSampler,
    *,
    workers: int,
    device: torch.device,
    start_method: StartMethod = START_METHOD,
) -> DataLoader[Any]:
    """Build a loader that yields the items of a dataset in the order of a sampler, on the CPU.

    Args:
        dataset: Maps what the sampler yields to an item, or returns (does not raise) the error that prevented it.
        sampler: The sampler of this process.
        workers: Worker processes; no more are started than there are items. 0: items are loaded in this process.
        device: Where items are copied afterwards; for a GPU they are put into pinned memory.
        start_method: How workers are started. With ``spawn`` and ``forkserver`` the dataset is pickled.
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
        # Iterating draws a seed for the workers. Without its own generator the loader would draw it from torch's global
        # one, and random numbers of a method (dropout) would depend on how often the run was resumed.
        generator=torch.Generator(),
    )


def identity_collate(item: Any) -> Any:
    """Return an item unchanged: the default would convert arrays that must stay on the host to tensors."""
    return item


def worker_init(_: int) -> None:
    """Use one thread per worker, and ignore signals: the main process decides when to stop."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
