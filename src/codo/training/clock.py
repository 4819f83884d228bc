"""Throughput of training: images per second, the fraction of time spent waiting for data, and who else is busy."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch

from codo.machine.contention import OtherProcesses
from codo.machine.memory import peak_memory_mib


class Clock:
    """Times the steps.

    Args:
        device: The device whose peak memory is reported.
        images_per_step: Images per step, over all ranks.
    """

    def __init__(self, device: torch.device, images_per_step: int) -> None:
        self.device, self.images_per_step = device, images_per_step
        self.began = self.mark = time.perf_counter()
        self.waiting, self.steps = 0.0, 0
        self.others = OtherProcesses()

    def waited(self) -> None:
        """A batch has arrived."""
        self.waiting += time.perf_counter() - self.mark
        self.steps += 1

    def resume(self) -> None:
        """The step is done; the wait for the next batch begins."""
        self.mark = time.perf_counter()

    def lap(self) -> dict[str, float]:
        """Values since the last lap."""
        elapsed = time.perf_counter() - self.began
        values = {
            "time/images_per_s": self.steps * self.images_per_step / elapsed,
            "time/data_wait": self.waiting / elapsed,
            "time/memory_mb": _memory(self.device),
        }
        if self.device.type == "cpu" and (others := self.others.share()) is not None:
            values["time/others"] = others
        self.began, self.waiting, self.steps = time.perf_counter(), 0.0, 0
        return values

    @staticmethod
    def postfix(row: Mapping[str, Any]) -> dict[str, str] | None:
        """The values of a logged row for the progress bar."""
        if "loss" not in row:
            return None
        return {
            "loss": f"{row['loss']:.3f}",
            "images/s": f"{row['time/images_per_s']:.0f}",
            "data_wait": f"{row['time/data_wait']:.0%}",
        }


def _memory(device: torch.device) -> float:
    """Peak memory in MiB of the GPU, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return peak_memory_mib()
