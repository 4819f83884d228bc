"""The inputs of the training loop: method and optimizer, batches, schedule, checkpoints, and log."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from codo.core.run import Run
from codo.evaluation.health import HealthMonitor
from codo.methods.base import Method
from codo.optim.optimizer import Schedule
from codo.training.distributed import DistributedContext
from codo.training.logging import RunLog

Check = Callable[[int], Mapping[str, Any]]
"""A function called at intervals, such as an evaluation: takes the number of steps done, returns values to log."""


@dataclass
class Learner:
    """The method and its optimizer.

    Attributes:
        method: The method, on the device.
        module: The method, or DistributedDataParallel around it; replaced if frozen parts are trained from some step
            on, because the wrapper only knows the parameters that needed gradients when it was made.
        optimizer: Optimizer of the method's parameters.
        bf16: Whether to compute under bfloat16 autocast.
        clip: Maximum norm of the gradient; with infinity the norm is only measured.
    """

    method: Method
    module: nn.Module
    optimizer: torch.optim.Optimizer
    bf16: bool
    clip: float = math.inf


@dataclass(frozen=True)
class Feed:
    """The training batches.

    Attributes:
        batches: Batches of the remaining steps; an item that is an error is raised.
        images_per_step: Images per step over all ranks, for the throughput.
        finish_batch: Device-side part of the batch, such as colors and blur.
    """

    batches: Iterable[Any]
    images_per_step: int
    finish_batch: Callable[[Any], Any] = lambda batch: batch


@dataclass(frozen=True)
class Checkpoints:
    """Where and how often checkpoints are saved.

    Attributes:
        run: The run directory; set on all ranks, written by rank 0.
        config: Resolved settings, saved in every checkpoint.
        every: Steps between two checkpoints.
        keep: Number of newest checkpoints to keep.
    """

    run: Run
    config: Mapping[str, Any]
    every: int
    keep: int


@dataclass(frozen=True)
class Watch:
    """Logging, alarms and checks.

    Attributes:
        log: The log of the run.
        every: Steps between two logged steps.
        health: Raises alarms from the logged values.
        checks: Pairs of interval in steps and check; with interval 0 the check is called only after the last step.
        slow_checks: Whether checks take so long that a checkpoint is saved before them, whatever its interval.
        enough: Whether the run ends early; called on every rank after checks, once their values are logged.
    """

    log: RunLog
    every: int
    health: HealthMonitor
    checks: list[tuple[int, Check]] = field(default_factory=list)
    slow_checks: bool = False
    enough: Callable[[int], bool] = lambda step: False


@dataclass(frozen=True)
class TrainingJob:
    """All inputs of the training loop.

    Attributes:
        learner: The method and its optimizer.
        feed: The training batches.
        schedule: Learning rate of every step.
        start: Number of steps done before, by the checkpoint resumed from.
        stop: Total number of steps of the run.
        seed: The run's seed.
        checkpoints: Where and how often checkpoints are saved.
        watch: Logging, alarms and checks.
        context: Rank, world size and device of this process.
        unfreeze_at: Step from which the frozen parts of the method are trained; ``None``: never.
    """

    learner: Learner
    feed: Feed
    schedule: Schedule
    start: int
    stop: int
    seed: int
    checkpoints: Checkpoints
    watch: Watch
    context: DistributedContext
    unfreeze_at: int | None = None
