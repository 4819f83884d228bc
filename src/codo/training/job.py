"""What the training loop is given, in parts: what is trained, on what, by which schedule, and where it is kept."""

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
from codo.training.distributed import DistributedContext
from codo.training.logging import RunLog
from codo.training.optim import Schedule

Check = Callable[[int], Mapping[str, Any]]
"""Something done every so many steps: takes the steps done, returns values to log."""


@dataclass(frozen=True)
class Learner:
    """What is trained.

    Attributes:
        method: On the device.
        module: The method, or DistributedDataParallel around it.
        optimizer: Over the method's parameters.
        bf16: Whether to compute under bfloat16 autocast.
        clip: Largest norm of the gradient; infinity only measures it.
    """

    method: Method
    module: nn.Module
    optimizer: torch.optim.Optimizer
    bf16: bool
    clip: float = math.inf


@dataclass(frozen=True)
class Feed:
    """What it learns from.

    Attributes:
        batches: Those of the steps that are left; an error instead of a batch is raised.
        images_per_step: Images of all ranks in a step, for the rate.
        finish_batch: What is left to do to a batch on the device.
    """

    batches: Iterable[Any]
    images_per_step: int
    finish_batch: Callable[[Any], Any] = lambda batch: batch


@dataclass(frozen=True)
class Checkpoints:
    """Where the state is kept.

    Attributes:
        run: Also known to ranks that do not write.
        config: Resolved settings, kept in every checkpoint.
        every: Steps between two checkpoints.
        keep: How many of the newest stay.
    """

    run: Run
    config: Mapping[str, Any]
    every: int
    keep: int


@dataclass(frozen=True)
class Watch:
    """How the training is watched.

    Attributes:
        log: Where values go.
        every: Steps between two logged ones.
        health: Looks at the logged values and raises alarms.
        checks: (every, what) done between steps; with ``every`` 0 only after the last.
        slow_checks: Whether checks take so long that a checkpoint is saved before them, whatever its interval.
        enough: Whether the run may end early; asked on every rank after checks, once their values are logged.
    """

    log: RunLog
    every: int
    health: HealthMonitor
    checks: list[tuple[int, Check]] = field(default_factory=list)
    slow_checks: bool = False
    enough: Callable[[int], bool] = lambda step: False


@dataclass(frozen=True)
class TrainingJob:
    """Everything that the loop needs.

    Attributes:
        learner: What is trained.
        feed: What it learns from.
        schedule: Learning rate of every step.
        start: Steps done before.
        stop: Steps of the whole run.
        seed: The run's seed.
        checkpoints: Where the state is kept.
        watch: How the training is watched.
        context: Rank, world size and device of this process.
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
