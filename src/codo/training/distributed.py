"""Processes and devices; reads the environment variables of ``torchrun``.

A single process needs no setup. ``torchrun`` sets RANK, WORLD_SIZE and LOCAL_RANK; the backend is gloo on CPUs and NCCL
on GPUs.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import torch
import torch.distributed as dist
from torch import Tensor
from torch._C._distributed_c10d import PrefixStore, TCPStore
from torch.distributed.rendezvous import rendezvous

from codo.core.errors import CodoError, InputError, first_line
from codo.core.rank_watch import SILENCE, RankWatch, first_to_tell
from codo.loading.loader import dead_workers_told
from codo.machine.allocator import freed_memory_kept
from codo.machine.cpu import cpu_quota, usable_cores

COLLECTIVE: Final = timedelta(minutes=30)
"""How long a collective waits for a process that lives: rank 0 evaluates, or writes a report, meanwhile."""


@dataclass(frozen=True)
class DistributedContext:
    """Rank, world size and device of this process, with the collectives that training needs.

    Attributes:
        rank: Rank of this process; rank 0 writes files.
        world: Number of processes.
        device: Device of this process.
        watch: Notices that another process is lost; ``None`` for a single one.
    """

    rank: int
    world: int
    device: torch.device
    watch: RankWatch | None = None

    @property
    def main(self) -> bool:
        """Whether this is rank 0, which writes files."""
        return self.rank == 0

    @property
    def hardware(self) -> str:
        """Devices of all processes, for the record: ``8 x NVIDIA H100 80GB HBM3``, or ``cpu``."""
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type
        return name if self.world == 1 else f"{self.world} x {name}"

    def mean(self, values: dict[str, Tensor]) -> dict[str, float]:
        """Scalars averaged over all processes, with one collective and one copy to the host."""
        if not values:
            return {}
        stacked = torch.stack([value.detach().float() for value in values.values()])
        if self.world > 1:
            dist.all_reduce(stacked)
            stacked /= self.world
        return dict(zip(values, stacked.tolist(), strict=True))

    def highest(self, value: int) -> int:
        """The maximum over all processes, so that all make the same decision."""
        if self.world == 1:
            return value
        tensor = torch.tensor(value, device=self.device)
        dist.all_reduce(tensor, op=dist.ReduceOp.MAX)
        return int(tensor)

    def barrier(self) -> None:
        """Wait for all processes; an error after half an hour."""
        if self.world > 1:
            dist.barrier()

    def wait_for_main(self) -> None:
        """Wait until rank 0 has come here, however long its work before takes."""
        if self.watch:
            self.watch.wait_for_main()

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes, in the order of their ranks; they must be picklable."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, value)
        return values


@contextmanager
def join_processes(device: str = "auto", timeout: float = SILENCE) -> Iterator[DistributedContext]:
    """Initialize torch.distributed under ``torchrun``, limit torch's threads, keep freed memory; undone at the end.

    A loader worker that dies inside the context, in whatever step, is an error for users, and so is another process
    that is lost. An error that all processes have, or that one has and the others suffer from, is told by one of them.

    Args:
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``cuda:N``.
        timeout: The setting ``distributed.timeout``.

    Raises:
        InputError: A GPU is requested and there is none.
        CodoError: A loader worker died.
        LostRankError: Another process was killed, or its connection broke.
    """
    world, rank = world_size(), int(os.environ.get("RANK", 0))
    chosen = choose_device(device, int(os.environ.get("LOCAL_RANK", 0)))
    joined = world > 1 and not dist.is_initialized()
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    watch = None
    if joined:
        _connect("nccl" if chosen.type == "cuda" else "gloo")
        watch = watch_ranks(rank, world, timeout)
    try:
        with threads_within_quota(), freed_memory_kept(chosen.type), dead_workers_told():
            yield DistributedContext(rank, world, chosen, watch)
    except BaseException as error:
        explained = watch.explain(error) if watch else error
        if explained is error:
            raise
        raise explained from error
    finally:
        if watch:
            watch.done()
        if joined:
            dist.destroy_process_group()


def _connect(backend: str) -> None:
    """Join the others, under keys of this attempt of torchrun.

    torch 2.15 leaves them out, as if torchrun began a new store with every restart. It does not always; then a process
    may find the address of one of the attempt before, and all wait for each other.
    """
    try:
        store, rank, world = next(rendezvous("env://", timeout=COLLECTIVE))
        own = PrefixStore(_prefix(), store)
        dist.init_process_group(backend, store=own, rank=rank, world_size=world, timeout=COLLECTIVE)
    except RuntimeError as error:
        what = f"this process cannot connect to the others: {first_line(error)}"
        fix = "check that all of them run and the network between their hosts, then run the same command again"
        raise CodoError(what, where=f"process {os.getpid()} on {socket.gethostname()}", fix=fix) from error


def watch_ranks(rank: int, world: int, timeout: float) -> RankWatch:
    """Start watching the other processes, through the store that they have joined by."""
    first_of_host = int(os.environ.get("LOCAL_RANK", 0)) == 0
    record = os.environ.get("TORCHELASTIC_ERROR_FILE")
    return RankWatch(rank, world, connect_store, timeout=timeout, prefix=_prefix(), speaks=first_of_host, record=record)


def told_by_another(error: CodoError) -> bool:
    """Whether another process of ``torchrun``, whose store this one may not have joined yet, prints an error."""
    return not first_to_tell(connect_store, _prefix(), error)


def connect_store(seconds: float) -> TCPStore:
    """A connection to the store of the processes.

    Args:
        seconds: How long an operation may take, while the host of the store answers.

    Raises:
        OSError: There is no way to the host.
        RuntimeError: There is no store.
    """
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    socket.create_connection((host, port), timeout=5).close()  # torch prints a page for each attempt that fails
    return TCPStore(host, port, is_master=False, timeout=timedelta(seconds=seconds), wait_for_workers=False)


def _prefix() -> str:
    return f"codo/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"


def choose_device(device: str, local_rank: int = 0) -> torch.device:
    """Resolve a ``device`` setting.

    Raises:
        InputError: Not a device, or a device that this machine does not have.
    """
    if device == "auto":
        return torch.device("cuda", local_rank) if torch.cuda.is_available() else torch.device("cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise InputError(f"unknown device '{device}'", where="device", fix="use auto, cpu, cuda or cuda:N") from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise InputError("no CUDA device is available", where="device", fix="use device=auto or device=cpu")
    if chosen.type == "cuda" and chosen.index is None:
        chosen = torch.device("cuda", local_rank)
    if chosen.type == "cuda" and chosen.index >= torch.cuda.device_count():
        found = torch.cuda.device_count()
        raise InputError(
            f"there is no {chosen}, only {found} GPUs", where="device", fix="start at most one process per GPU"
        )
    return chosen


def world_size() -> int:
    """Number of processes that ``torchrun`` started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", 1))


def local_world_size() -> int:
    """Number of the processes of ``torchrun`` on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", 1))


def cpu_threads() -> int:
    """Number of torch's threads: its default, limited to the CPU quota of the container.

    Torch itself respects CPU affinity but no quotas. ``OMP_NUM_THREADS`` overrides both.
    """
    threads, quota = torch.get_num_threads(), cpu_quota()
    return threads if quota is None or "OMP_NUM_THREADS" in os.environ else min(threads, quota)


@contextmanager
def threads_within_quota() -> Iterator[None]:
    """Limit torch to `cpu_threads` threads inside the context; without a quota nothing changes."""
    threads, allowed = torch.get_num_threads(), cpu_threads()
    if allowed == threads:
        yield
        return
    torch.set_num_threads(allowed)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def worker_environments(jobs: int | None, device: str) -> list[dict[str, str]]:
    """Environment variables for worker processes that execute independent runs in parallel, one entry per worker.

    Args:
        jobs: Number of workers; ``None``: one per GPU, or a single one on the CPU.
        device: The setting ``device``; with ``cuda:N`` all workers use that GPU.
    """
    free = device in ("auto", "cuda") and torch.cuda.is_available()
    gpus = visible_gpus(os.environ.get("CUDA_VISIBLE_DEVICES"), torch.cuda.device_count()) if free else []
    count = jobs or max(1, len(gpus))
    if gpus:
        return [{**os.environ, "CUDA_VISIBLE_DEVICES": gpus[worker % len(gpus)]} for worker in range(count)]
    # More threads in all workers together than there are cores slow each other down.
    threads = os.environ.get("OMP_NUM_THREADS", str(max(1, usable_cores() // count)))
    return [{**os.environ, "OMP_NUM_THREADS": threads} for _ in range(count)]


def visible_gpus(visible: str | None, count: int) -> list[str]:
    """Names of the GPUs visible to this process, as values of CUDA_VISIBLE_DEVICES for a child process."""
    named = [name.strip() for name in visible.split(",")] if visible else []
    return named[:count] if len(named) >= count else [str(index) for index in range(count)]


def loader_workers(setting: int | None) -> int:
    """Resolve the setting ``workers``: by default this rank's share of the usable cores, at most 16."""
    if setting is not None:
        return setting
    return max(1, min(16, usable_cores() // local_world_size()))
