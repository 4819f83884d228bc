"""The session of a training run: its saved state, run directory, log, and final report.

The steps that pretraining and finetuning share around the loop::

    saved = find_saved(settings, context)            # raises if out= holds another run; nothing is written
    ...                                              # build the method
    with open_session(settings, "pretrain", saved, context, steps) as session:
        learner = session.learner(method, optimizer_of)
        session.log_start(warnings)
        train(session.job(learner, feed, schedule, watch))
        session.report()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import torch

from codo.core.attempt import attempt_page
from codo.core.config import differences
from codo.core.errors import DAMAGE, CodoError, InputError
from codo.core.io import remove_temporary, write_atomically
from codo.core.run import NEUTRAL, Run, check_out, start_run
from codo.machine.precision import precision_note, use_bf16
from codo.methods.base import Method
from codo.mirror.restore import repair, restore
from codo.mirror.upload import Mirror
from codo.models.load_report import LoadReport
from codo.optim.optimizer import Schedule
from codo.training import checkpoint
from codo.training.distributed import DistributedContext
from codo.training.job import Checkpoints, Feed, Learner, TrainingJob, Watch
from codo.training.log_settings import LogSettings
from codo.training.logging import RunLog
from codo.training.trainer import distribute


class RunSettings(Protocol):
    """The settings shared by pretraining and finetuning; `PretrainSettings` describes them."""

    verb: ClassVar[str]
    """``pretrain`` or ``finetune``."""

    @property
    def out(self) -> str:
        """The run directory."""

    @property
    def mirror(self) -> str | None:
        """Where the run is copied to, if anywhere."""

    @property
    def seed(self) -> int:
        """The random seed."""

    @property
    def precision(self) -> str:
        """``auto``, ``fp32`` or ``bf16``."""

    @property
    def checkpoint_every(self) -> int:
        """Steps between two checkpoints."""

    @property
    def keep_checkpoints(self) -> int:
        """Number of newest checkpoints to keep."""

    @property
    def log(self) -> LogSettings:
        """What is logged, and where."""

    def model_dump(self, *, mode: Literal["json"]) -> dict[str, Any]:
        """All settings, as the run records them."""


@dataclass(frozen=True)
class Saved:
    """The saved state of a run that is started or resumed.

    Attributes:
        state: The newest intact checkpoint, on the CPU; ``None`` to start from the beginning.
        warnings: Messages about damaged newer checkpoints.
        newest: Name of the newest checkpoint file, intact or not; empty without one.
        restored: Whether it came from the run's mirror.
    """

    state: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)
    newest: str = ""
    restored: bool = False

    @property
    def step(self) -> int:
        """Number of steps done."""
        return int(self.state["step"]) if self.state else 0


def find_saved(settings: RunSettings, context: DistributedContext) -> Saved:
    """Load the newest checkpoint of the run, if there is one, on rank 0 after bringing it back from the mirror.

    Nothing else is written.

    Args:
        settings: Settings of the run.
        context: Rank and world size of this process.

    Raises:
        InputError: ``out`` is a file, holds something else, or holds a run of another verb or with other settings; or
            the mirror does.
        CodoError: The mirror cannot be reached.
    """
    config, restored = settings.model_dump(mode="json"), False
    check_out(settings.out, config, settings.verb)
    if settings.mirror and context.main:
        restored = restore(settings.mirror, settings.out, config, settings.verb)
        restored |= repair(settings.mirror, Run(Path(settings.out)), checkpoint.load)
    context.barrier()
    if not check_out(settings.out, config, settings.verb):
        return Saved()
    warnings: list[str] = []
    run = Run(Path(settings.out))
    newest = run.newest_checkpoint()
    return Saved(checkpoint.load_last(run, warnings.append), warnings, newest, restored)


@dataclass(frozen=True)
class Session:
    """An open training run, created by `open_session`.

    Attributes:
        settings: Settings of the run.
        saved: Its saved state.
        run: Its directory; set on all ranks, written by rank 0.
        log: Its log.
        context: Rank, world size and device of this process.
        steps: Length of the run in steps.
    """

    settings: RunSettings
    saved: Saved
    run: Run
    log: RunLog
    context: DistributedContext
    steps: int

    @property
    def start(self) -> int:
        """Number of steps done before, by the checkpoint resumed from."""
        return self.saved.step

    def learner(self, method: Method, optimizer_of: Callable[[Method], torch.optim.Optimizer]) -> Learner:
        """Move the method to the device and build its optimizer; when resuming, restore the state of both.

        Args:
            method: The method, on the CPU.
            optimizer_of: Builds the optimizer of the method, once it is on the device.
        """
        state, device = self.saved.state, self.context.device
        if state:  # popped, so that the loaded checkpoint does not stay in memory
            with self._fitting():
                method.load_state_dict(state.pop("method"))
        method.to(device).to(memory_format=torch.channels_last)
        optimizer = optimizer_of(method)
        if state:
            with self._fitting():
                optimizer.load_state_dict(state.pop("optimizer"))
        return Learner(method, distribute(method, self.context), optimizer, use_bf16(self.settings.precision, device))

    @contextmanager
    def _fitting(self) -> Iterator[None]:
        """Around the loading of a state: one that is not of this run ends in an error for users."""
        try:
            yield
        except torch.OutOfMemoryError:
            raise
        except DAMAGE as error:
            raise CodoError(
                f"the checkpoint of step {self.start} does not fit the run",
                where=str(self.run.checkpoints_dir),
                fix="remove it, then run the same command again: it resumes from the one before",
            ) from error

    def log_start(self, warnings: Iterable[str | None], loaded: LoadReport | None = None, source: str = "") -> None:
        """Log warnings, the load report of initial weights, and the step from which the run resumes.

        Args:
            warnings: Warnings about settings and data; ``None`` is skipped.
            loaded: Which tensors of the initial weights matched, for a new run.
            source: The setting that names the initial weights.
        """
        for warning in filter(None, [*self.saved.warnings, *warnings]):
            self.log.warn(warning)
        if note := precision_note(self.settings.precision, self.context.device):
            self.log.info(note)
        if loaded is not None and self.context.main:
            write_atomically(self.run.path / "load_report.txt", loaded.table() + "\n")
            self.log.info(f"{source}\n{loaded.table()}")
        if self.saved.state:
            origin = f", which {self.settings.mirror} had" if self.saved.restored else ""
            self.log.info(f"resumed from step {self.start}{origin}")

    def job(self, learner: Learner, feed: Feed, schedule: Schedule, watch: Watch) -> TrainingJob:
        """Collect the inputs of the training loop; the health monitor is given the steps logged so far."""
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
        """Write the report of the finished run on rank 0, while the other ranks wait."""
        if self.context.main:
            from codo.reporting.report import write_report  # imports matplotlib, which would delay the first step

            if warning := attempt_page(lambda: write_report(self.run), "the same command again"):
                self.log.warn(warning)
        self.context.barrier()


def check_agreement(settings: RunSettings, saved: Saved, context: DistributedContext) -> None:
    """Refuse processes that have read other settings or another checkpoint than rank 0; all wait for each other.

    Raises:
        InputError: Folders that differ between hosts, or commands that do.
    """
    first, *others = context.gather((saved.step, settings.model_dump(mode="json")))
    for rank, other in enumerate(others, 1):
        if other[0] != first[0]:
            found = [f"the checkpoint of step {step}" if step else "no checkpoint" for step in (first[0], other[0])]
            what = f"rank 0 finds {found[0]}, rank {rank} {found[1]}"
            raise InputError(what, where=settings.out, fix="name an out= on a disk that all hosts share")
        if changed := differences(first[1], other[1], (*NEUTRAL, "device")):
            what = f"rank 0 and rank {rank} have other settings: {', '.join(changed[:3])}"
            raise InputError(what, where=settings.out, fix="run the same command on every host")


@contextmanager
def open_session(
    settings: RunSettings, verb: str, saved: Saved, context: DistributedContext, steps: int
) -> Iterator[Session]:
    """Lock the run directory and open its log; close and unlock them at the end.

    Args:
        settings: Settings of the run.
        verb: ``pretrain`` or ``finetune``.
        saved: Its saved state.
        context: Rank, world size and device of this process.
        steps: Length of the run in steps.

    Raises:
        InputError: Another running process writes to this run or has trained it further since ``saved`` was loaded,
            the directory cannot be created, or the processes do not agree on what to do.
    """
    check_agreement(settings, saved, context)  # no rank creates the directory while another checks whether it is free
    if context.main:
        config = settings.model_dump(mode="json")
        run = start_run(settings.out, config, verb, context.hardware, newest=saved.newest)
    else:
        run = Run(Path(settings.out))
    try:
        if context.main:
            checkpoint.remove_temporary(run)
            if saved.state:
                checkpoint.complete(run, saved.step, settings.keep_checkpoints)
            remove_temporary(run.path, others=True)
            remove_temporary(run.exports_dir)  # codo export takes no lock
        log = RunLog(run if context.main else None, settings.log, start=saved.step, total=steps)
        if saved.state and "row" in saved.state and all(row["step"] != saved.step for row in run.metrics()):
            log.pending = (saved.step, saved.state["row"])
        try:
            with mirrored(run, settings.mirror if context.main else None, log):
                yield Session(settings, saved, run, log, context, steps)
        finally:
            log.close()
    finally:
        run.unlock()


@contextmanager
def mirrored(run: Run, url: str | None, log: RunLog) -> Iterator[None]:
    """Copy the run to its mirror while the context lasts, and what is left at its end; see `codo.mirror`."""
    if url is None:
        yield
        return
    mirror = Mirror(run, url, log.warn, log.info)
    mirror.start()
    try:
        yield
    finally:
        log.close_trackers()
        mirror.close()
