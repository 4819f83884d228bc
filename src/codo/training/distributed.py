"""Processes, devices and signals: the one place (beside the command line) that reads the environment.

One process needs nothing. ``torchrun`` sets RANK, WORLD_SIZE and LOCAL_RANK; gloo is used on CPU and NCCL on GPU.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import torch
import torch.distributed as dist
from torch import Tensor

from codo.core.cpu import cpu_quota, usable_cores
from codo.core.errors import CodoError, InputError, Interrupted, Preempted


@dataclass(frozen=True)
class DistributedContext:
    """This process among all of a run.

    Attributes:
        rank: Number of this process; 0 writes.
        world: Number of processes.
        device: What this process computes on.
    """

    rank: int
    world: int
    device: torch.device

    @property
    def main(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    @property
    def hardware(self) -> str:
        """What all processes compute on, for the record: ``8 x NVIDIA H100 80GB HBM3``, or ``cpu``."""
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
        """The largest of the processes' values, so that all take the same turn."""
        if self.world == 1:
            return value
        tensor = torch.tensor(value, device=self.device)
        dist.all_reduce(tensor, op=dist.ReduceOp.MAX)
        return int(tensor)

    def barrier(self) -> None:
        """Wait for all processes."""
        if self.world > 1:
            dist.barrier()


@contextmanager
def join_processes(device: str = "auto") -> Iterator[DistributedContext]:
    """Join the processes of a run, and leave them at the end; meanwhile torch keeps to the CPU quota.

    Args:
        device: ``auto`` (a GPU when there is one), ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        InputError: A GPU is asked for and there is none.
    """
    world, rank = world_size(), int(os.environ.get("RANK", 0))
    chosen = choose_device(device, int(os.environ.get("LOCAL_RANK", 0)))
    joined = world > 1 and not dist.is_initialized()
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    if joined:
        dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        with threads_within_quota():
            yield DistributedContext(rank, world, chosen)
    finally:
        if joined:
            dist.destroy_process_group()


def choose_device(device: str, local_rank: int = 0) -> torch.device:
    """Resolve a ``device`` setting.

    Raises:
        InputError: Not a device, or one that this machine lacks.
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
            f"there is no {chosen}, only {found} GPUs", where="device", fix="start one process a GPU at most"
        )
    return chosen


def world_size() -> int:
    """Number of processes that ``torchrun`` has started, 1 without it."""
    return int(os.environ.get("WORLD_SIZE", 1))


def cpu_threads() -> int:
    """Threads that torch computes with: as many as it would take, but not more than a container's CPU quota.

    Torch itself sees the cores that the process is bound to and no quotas. ``OMP_NUM_THREADS`` has the last word.
    """
    threads, quota = torch.get_num_threads(), cpu_quota()
    return threads if quota is None or "OMP_NUM_THREADS" in os.environ else min(threads, quota)


@contextmanager
def threads_within_quota() -> Iterator[None]:
    """Let torch compute with `cpu_threads` meanwhile; where there is no quota, nothing is set."""
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
    """Where independent runs can be at work at the same time: for each place, the environment of its process.

    Args:
        jobs: Runs at a time; ``None``: one a GPU, on the CPU one.
        device: The setting ``device``; ``cuda:N`` keeps all to that GPU.
    """
    free = device in ("auto", "cuda") and torch.cuda.is_available()
    gpus = visible_gpus(os.environ.get("CUDA_VISIBLE_DEVICES"), torch.cuda.device_count()) if free else []
    count = jobs or max(1, len(gpus))
    if gpus:
        return [{**os.environ, "CUDA_VISIBLE_DEVICES": gpus[place % len(gpus)]} for place in range(count)]
    # Threads of several processes that together want more cores than there are slow each other down.
    threads = os.environ.get("OMP_NUM_THREADS", str(max(1, usable_cores() // count)))
    return [{**os.environ, "OMP_NUM_THREADS": threads} for _ in range(count)]


def visible_gpus(visible: str | None, count: int) -> list[str]:
    """Names of the GPUs this process sees, as a process of its own understands them."""
    named = [name.strip() for name in visible.split(",")] if visible else []
    return named[:count] if len(named) >= count else [str(index) for index in range(count)]


def use_bf16(precision: str, device: torch.device) -> bool:
    """Whether to compute in bfloat16."""
    if precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return precision == "bf16"


def loader_workers(setting: int | None) -> int:
    """The setting ``workers`` resolved: by default this rank's share of the cores it may use, at most 16."""
    if setting is not None:
        return setting
    return max(1, min(16, usable_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", 1))))


class StopSignal:
    """Remembers that the run was asked to stop, until the step at hand is done.

    SIGINT and SIGTERM set `number`; a second SIGINT ends the program at once, for those who really mean it.
    """

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The handler."""
        if self.number == signal.SIGINT and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = number

    def error(self, number: int, step: int, where: str) -> CodoError:
        """What to raise once the checkpoint of ``step`` is saved."""
        kind, name = (Interrupted, "Ctrl-C") if number == signal.SIGINT else (Preempted, "SIGTERM")
        return kind(
            f"stopped by {name} after step {step}; a checkpoint is saved", where=where, fix="the same command resumes"
        )


@contextmanager
def stop_signals() -> Iterator[StopSignal]:
    """Catch SIGINT and SIGTERM while training, in the main thread; elsewhere nothing is caught."""
    stop = StopSignal()
    try:
        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread
        before = {}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
