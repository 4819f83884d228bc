"""A run that is being trained: where it was left, its directory and log, and the report at its end.

What pretraining and finetuning share around the loop, from the first look at the run directory to letting it go::

    saved = find_saved(settings)                     # refuses a directory of another run; nothing is written
    ...                                              # build what is trained
    with open_session(settings, "pretrain", saved, context, steps) as session:
        learner = session.learner(method, optimizer_of)
        session.tell(warnings)
        train(session.job(learner, feed, schedule, watch))
        session.report()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import torch

from codo.core.io import write_atomically
from codo.core.run import Run, check_out, start_run
from codo.methods.base import Method
from codo.models.load_report import LoadReport
from codo.reporting.attempt import attempt_page
from codo.training import checkpoint
from codo.training.distributed import DistributedContext, use_bf16
from codo.training.job import Checkpoints, Feed, Learner, TrainingJob, Watch
from codo.training.log_settings import LogSettings
from codo.training.logging import RunLog
from codo.training.optim import Schedule
from codo.training.trainer import distribute


class RunSettings(Protocol):
    """The settings that every training run has; `PretrainSettings` describes them."""

    @property
    def out(self) -> str:
        """The run directory."""

    @property
    def seed(self) -> int:
        """Of everything random."""

    @property
    def precision(self) -> str:
        """``auto``, ``fp32`` or ``bf16``."""

    @property
    def checkpoint_every(self) -> int:
        """In steps."""

    @property
    def keep_checkpoints(self) -> int:
        """How many."""

    @property
    def log(self) -> LogSettings:
        """What is logged, and where."""

    def model_dump(self, *, mode: Literal["json"]) -> dict[str, Any]:
        """All of them, as the run records them."""


@dataclass(frozen=True)
class Saved:
    """What a run directory holds of this very run.

    Attributes:
        state: The newest checkpoint that is whole, on the CPU; ``None`` to start at the beginning.
        warnings: What was wrong with newer ones.
    """

    state: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self.state["step"]) if self.state else 0


def find_saved(settings: RunSettings) -> Saved:
    """Look where the run was left; nothing is written.

    Raises:
        InputError: ``out`` is a file, holds something else, or holds a run with other settings.
    """
    if not check_out(settings.out, settings.model_dump(mode="json")):
        return Saved()
    warnings: list[str] = []
    return Saved(checkpoint.load_last(Run(Path(settings.out)), warnings.append), warnings)


@dataclass(frozen=True)
class Session:
    """A run at work; `open_session` makes it.

    Attributes:
        settings: Of the run.
        saved: Where it was left.
        run: Its directory; also known to ranks that do not write.
        log: Its log.
        context: Rank, world size and device of this process.
        steps: Length of the run.
    """

    settings: RunSettings
    saved: Saved
    run: Run
    log: RunLog
    context: DistributedContext
    steps: int

    @property
    def start(self) -> int:
        """Steps done before."""
        return self.saved.step

    def learner(self, method: Method, optimizer_of: Callable[[Method], torch.optim.Optimizer]) -> Learner:
        """The method on this process's device with its optimizer, both as they were left.

        Args:
            method: On the CPU.
            optimizer_of: Builds the optimizer once the method is where it will be trained.
        """
        state, device = self.saved.state, self.context.device
        if state:  # popped: while the run goes on, its past need not stay in memory
            method.load_state_dict(state.pop("method"))
        method.to(device).to(memory_format=torch.channels_last)
        optimizer = optimizer_of(method)
        if state:
            optimizer.load_state_dict(state.pop("optimizer"))
        return Learner(method, distribute(method, self.context), optimizer, use_bf16(self.settings.precision, device))

    def tell(self, warnings: Iterable[str | None], loaded: LoadReport | None = None, source: str = "") -> None:
        """Open the log: what the user should know, and where the run begins.

        Args:
            warnings: Of settings and data.
            loaded: What of the initial weights matched, for a run that starts.
            source: The setting that names them.
        """
        for warning in filter(None, [*self.saved.warnings, *warnings]):
            self.log.warn(warning)
        if loaded is not None and self.context.main:
            write_atomically(self.run.path / "load_report.txt", loaded.table() + "\n")
            self.log.say(f"{source}\n{loaded.table()}")
        if self.saved.state:
            self.log.say(f"resumed from step {self.start}")

    def job(self, learner: Learner, feed: Feed, schedule: Schedule, watch: Watch) -> TrainingJob:
        """What the loop needs, the health monitor knowing the steps that are done."""
        settings = self.settings
        if self.context.main:
            watch.health.replay(self.run.metrics())
        return TrainingJob(
            learner=learner,
            feed=feed,
            schedule=schedule,
            start=self.start,
            stop=self.steps,
            seed=settings.seed,
            checkpoints=Checkpoints(
                self.run, settings.model_dump(mode="json"), settings.checkpoint_every, settings.keep_checkpoints
            ),
            watch=watch,
            context=self.context,
        )

    def report(self) -> None:
        """Write the report of the finished run on rank 0, while the others wait."""
        if self.context.main:
            from codo.reporting.report import write_report  # loads matplotlib, which no first step should wait for

            if failed := attempt_page(lambda: write_report(self.run), "the same command again"):
                self.log.warn(failed)
        self.context.barrier()


@contextmanager
def open_session(
    settings: RunSettings, verb: str, saved: Saved, context: DistributedContext, steps: int
) -> Iterator[Session]:
    """Hold the run directory and its log, and let go of both at the end.

    Args:
        settings: Of the run.
        verb: ``pretrain`` or ``finetune``.
        saved: Where it was left.
        context: Rank, world size and device of this process.
        steps: Length of the run.

    Raises:
        InputError: Another live process writes to this run, or the directory cannot be created.
    """
    context.barrier()  # no rank may create the directory while another still looks whether it is free
    if context.main:
        run = start_run(settings.out, settings.model_dump(mode="json"), verb, context.hardware)
    else:
        run = Run(Path(settings.out))
    try:
        if context.main:
            checkpoint.remove_temporary(run)
        log = RunLog(run if context.main else None, settings.log, start=saved.step, total=steps)
        try:
            yield Session(settings, saved, run, log, context, steps)
        finally:
            log.close()
    finally:
        run.unlock()
