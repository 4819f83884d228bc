"""Whether a run is still being written, was stopped, or has ended."""

from __future__ import annotations

import fcntl
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from codo.advice.answer import Suggestion
from codo.core.numbers import duration, number
from codo.core.run import Run
from codo.core.run_files import config_of
from codo.evaluation.run_metrics import Metrics

State = Literal["running", "stopped", "finished"]

QUIET = 60.0
"""Seconds without a write after which a run without a lock counts as stopped: some file systems have no locks."""


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    Attributes:
        state: ``running``, ``stopped`` before its end, or ``finished``.
        step: The last logged step; ``None`` before the first.
        planned: Steps in all; ``None`` if unknown.
        left: Seconds to the end at the logged speed; ``None`` if unknown or if the run does not go on.
        unit: What is counted.
    """

    state: State
    step: int | None
    planned: int | None
    left: float | None = None
    unit: str = "step"

    @classmethod
    def of_log(cls, metrics: Metrics, config: Mapping[str, Any], *, ended: bool = False) -> Progress:
        """From the files alone: finished if the last step is logged, else stopped.

        Args:
            metrics: The log.
            config: The settings.
            ended: Whether the run is known to have ended, possibly before its last step (``early_stop``).
        """
        planned = config.get("steps")
        planned = planned if isinstance(planned, int) and not isinstance(planned, bool) else None
        done = ended or planned is None or (metrics.last_step is not None and metrics.last_step >= planned)
        return cls("finished" if done else "stopped", metrics.last_step, planned)

    @classmethod
    def watch(cls, run: Run, metrics: Metrics) -> Progress:
        """Of a run that another process may be writing to; must not be called by the process that does.

        A run writes its report last, so one with a report that is newer than its log has ended.
        """
        config = config_of(run)
        reported = _changed(run.path / "report.html") >= _changed(run.metrics_file) > 0
        found = cls.of_log(metrics, config, ended=reported)
        written = time.time() - max(_changed(run.metrics_file), _changed(run.path / "train.log")) < QUIET
        if not (run.busy or (found.state == "stopped" and written and not has_locks(run.path))):
            return found
        return cls("running", found.step, found.planned, _seconds_left(metrics, config, found))

    def __str__(self) -> str:
        if self.step is None:
            words = {"running": "starting", "stopped": f"stopped before the first {self.unit}", "finished": "finished"}
            return words[self.state]
        of = f" of {number(self.planned)}" if self.planned is not None else ""
        left = f", about {duration(self.left)} left" if self.left is not None else ""
        return f"{self.state}: {self.unit} {number(self.step)}{of}{left}"

    def suggestion(self) -> Suggestion | None:
        """To wait or to resume; ``None`` for a finished run."""
        if self.state == "running":
            return Suggestion("wait", "Wait for the end before you judge", f"{str(self).capitalize()}.")
        if self.state == "stopped":
            return Suggestion("resume", "Run the same command again to resume", f"{str(self).capitalize()}.")
        return None


def has_locks(folder: Path) -> bool:
    """Whether files in a folder can be locked, tried with a file of its own; on some clusters they cannot."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _changed(path: Path) -> float:
    """When a file was written last, in seconds; 0 if there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _seconds_left(metrics: Metrics, config: Mapping[str, Any], found: Progress) -> float | None:
    batch, views = config.get("batch_size"), config.get("views", 1)
    speed = metrics.series("time/images_per_s").end
    if not (isinstance(batch, int) and isinstance(views, int) and speed and found.planned and found.step is not None):
        return None
    return max(0, found.planned - found.step) * batch * views / speed
