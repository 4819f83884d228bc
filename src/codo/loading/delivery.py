"""How items travel from a worker to the main process: in shared memory, or through a pipe where that is too small.

Torch puts every tensor of an item into shared memory (``/dev/shm``), which in a container has 64 MB by default. When it
is full, the item is lost in a thread of the worker, and the main process waits for it without end. So a worker looks at
the free memory first. An item that may not fit is sent as bytes, through the pipe that otherwise carries the names of
the tensors. Either way the item has the same bits.
"""

from __future__ import annotations

import io
import os
import pickle
import sys
from collections.abc import Callable
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from codo.core.errors import CodoError

SHARED_MEMORY = Path("/dev/shm")
SPARE = 8 * 2**20
"""Bytes of shared memory that are left to others, such as the locks of the workers' queues."""


class Piped(NamedTuple):
    """An item as bytes, and why it did not go through shared memory.

    Attributes:
        data: The pickled item.
        size: Bytes of its tensors.
        free: Bytes that were free in shared memory.
    """

    data: bytes
    size: int
    free: int


class Delivered(Dataset[Any]):
    """A dataset whose items fit through the way to the main process; `received` is the other end.

    Args:
        dataset: The dataset.
        senders: Worker processes that may send an item at the same time, on this machine.
        folder: Where the system keeps shared memory.
    """

    def __init__(self, dataset: Dataset[Any], senders: int, folder: Path = SHARED_MEMORY) -> None:
        self.dataset, self.senders, self.folder = dataset, senders, folder

    def __getitem__(self, key: Any) -> Any:
        """The item, or a `Piped` of it."""
        item = self.dataset[key]
        free = free_memory(self.folder)
        if free is None or fits(size := shared_size(item), free, self.senders):
            return item
        return Piped(pickle.dumps(item), size, free)


def received(item: Any, tell: Callable[[Piped], None]) -> Any:
    """An item as the dataset has made it.

    Args:
        item: What `Delivered` has sent.
        tell: Called with an item that came through the pipe.
    """
    if isinstance(item, Piped):
        tell(item)
        return pickle.loads(item.data)
    return item


def fits(size: int, free: int, senders: int) -> bool:
    """Whether an item of ``size`` bytes fits into ``free`` bytes when every other sender adds one of this size."""
    return size * senders + SPARE <= free


def free_memory(folder: Path = SHARED_MEMORY) -> int | None:
    """Free bytes of shared memory; ``None`` without a limit, or where the system has another kind (macOS)."""
    if sys.platform != "linux":
        return None
    try:
        disk = os.statvfs(folder)
    except OSError:
        return 0
    return disk.f_bavail * disk.f_frsize if disk.f_blocks else None


def shared_size(item: Any) -> int:
    """Bytes that the tensors of an item, wherever they are in it, take of shared memory."""
    pickler = _Sizes(io.BytesIO(), protocol=5, buffer_callback=lambda _: None)  # arrays are not copied
    pickler.storages = {}
    pickler.dump(item)
    return sum(pickler.storages.values())


class _Sizes(pickle.Pickler):
    storages: dict[int, int]

    def reducer_override(self, value: Any) -> Any:
        if not isinstance(value, Tensor):
            return NotImplemented
        if value.layout is torch.strided:
            storage = value.untyped_storage()  # shared as a whole, and once
            self.storages[storage.data_ptr()] = storage.nbytes()
        return bool, ()


def report_lost_items() -> None:
    """In a worker: an item that cannot be sent becomes an error in its place.

    Python's queue prints a traceback and drops the item, and its reader waits for it without end. The queue calls a
    method then, which this replaces; where Python has renamed it, nothing changes.

    The method is private, as there is no public way: torch's ``timeout=`` also ends a run whose batches are merely
    slow, and items that workers pickle themselves would be unpickled, and put into pinned memory, out of sight of
    torch, which watches over dead workers while it does both.
    """
    setattr(Queue, "_on_queue_feeder_error", _send_error)  # noqa: B010


def _send_error(queue: Any, error: Exception, sent: Any) -> None:
    """Send an error instead of an item; called in the queue's thread, as the method of the queue."""
    if not isinstance(sent, tuple) or len(sent) != 2 or isinstance(sent[1], CodoError):
        os._exit(1)  # the main process notices, and ends with an error
    queue.put((sent[0], undelivered(error)))


def undelivered(error: Exception) -> CodoError:
    """The error for an item that a worker cannot send."""
    reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
    fix = "set workers=0, then run the same command again"
    if "shared memory" in reason or "No space left" in reason:
        fix = "start the container with more (docker run --shm-size=8g), or set workers=0; then the same command again"
    elif "open files" in reason:
        fix = "raise the limit (ulimit -n 65536), or set workers=0; then the same command again"
    return CodoError(f"a loader worker cannot send a batch: {reason}", where=str(SHARED_MEMORY), fix=fix)
