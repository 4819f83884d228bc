"""Labeled probes of a run compared with their values before the first step: the alarm, and stopping early by it.

With ``probe.stop_below_start`` a checkpoint is saved before every probe, and the one with the best labeled probes is
kept as ``checkpoints/best.pt`` while older ones are deleted (a hard link, where the file system has them).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from codo.core.run import Run
from codo.probes.start_comparison import StartComparison

BEST = "best.pt"


class Log(Protocol):
    """What is used of the log of a run."""

    def info(self, message: str) -> None:
        """Write a message."""

    def warn_once(self, *messages: str | None) -> None:
        """Write warnings that have not been written before."""


@dataclass(frozen=True)
class WatchedProbes:
    """The probes of a run as a check of the training loop, with alarms.

    Attributes:
        probes: Computes all probes after so many steps.
        comparison: Compares labeled probes; on rank 0, if there are any.
        run: The run.
        log: Its log.
        highest: The largest of the numbers that all ranks give.
        stops: The setting ``probe.stop_below_start``.
    """

    probes: Callable[[int], dict[str, float]]
    comparison: StartComparison | None
    run: Run
    log: Log
    highest: Callable[[int], int]
    stops: bool

    def __call__(self, step: int) -> dict[str, float]:
        """Compute the probes, raise the alarms, and keep the best checkpoint if the run may stop early."""
        row = self.probes(step)
        if self.comparison is not None:
            self.log.warn_once(*self.comparison.add(step, row))
            if self.stops and step and self.comparison.best_step == step:
                keep_best(self.run, step)
        return row

    def enough(self, step: int) -> bool:
        """Whether the run ends after ``step`` because a probe is below the start; called on every rank."""
        if not self.stops:
            return False
        falls = self.comparison.falls if self.comparison else []
        if not self.highest(int(bool(falls))):
            return False
        if self.comparison is not None and self.comparison.best_step is not None:
            best = self.comparison.best_step
            kept = f"the best are those of step {best}: weights={self.run.checkpoints_dir / BEST}"
            what = kept if best else "no step was better than the initial weights"
            self.log.info(f"probe.stop_below_start: stopped at step {step} ({'; '.join(map(str, falls))}); {what}")
        return True


def keep_best(run: Run, step: int) -> None:
    """Keep the checkpoint of a step under a name that is not deleted; without hard links as a copy."""
    source, target = run.checkpoints_dir / f"step-{step:08d}.pt", run.checkpoints_dir / BEST
    temporary = target.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copyfile(source, temporary)
    os.replace(temporary, target)
