"""Jobs of a comparison: training runs, each described by a verb and its settings.

To add another kind of job, add an entry to `VERBS`; scheduler and workers need no change.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from codo.comparison import pretraining, trials
from codo.core.config import Settings
from codo.core.run import Run
from codo.detection.finetune_settings import FinetuneSettings
from codo.training.pretrain_settings import PretrainSettings


class Job(Protocol):
    """A training run; ``str()`` gives its name for messages."""

    @property
    def verb(self) -> str:
        """A key of `VERBS`."""

    @property
    def settings(self) -> Settings:
        """The settings of the run."""

    @property
    def path(self) -> Path:
        """The run directory."""


class Verb(NamedTuple):
    """A kind of job: the class of its settings, and the function that runs or resumes it."""

    schema: type[Settings]
    function: Callable[[Any], None]


VERBS: dict[str, Verb] = {
    "pretrain": Verb(PretrainSettings, pretraining.run_pretraining_job),
    "finetune": Verb(FinetuneSettings, trials.run_trial),
}


PATIENCE = 60.0
"""Seconds to wait for a worker of an earlier, killed comparison that is still saving."""


def run_job(job: Job) -> None:
    """Run a job, or resume it.

    Raises:
        InputError, CodoError: It failed.
        Interrupted, Preempted: Stopped, with a checkpoint.
    """
    wait_until_free(Run(job.path), PATIENCE)
    VERBS[job.verb].function(job.settings)


def wait_until_free(run: Run, seconds: float) -> None:
    """Wait while another process writes to a run, for a limited time; opening the run then raises an error."""
    end = time.monotonic() + seconds
    while run.busy and time.monotonic() < end:
        time.sleep(0.2)


@dataclass(frozen=True)
class JobSpec:
    """A job as it is sent to a worker."""

    verb: str
    settings: Settings
    path: Path

    @classmethod
    def read(cls, line: str) -> JobSpec:
        """Parse a line written by `serialize`."""
        values = json.loads(line)
        settings = VERBS[values["verb"]].schema.model_validate(values["settings"])
        return cls(values["verb"], settings, Path(values["path"]))


def serialize(job: Job) -> str:
    """A job as a line of JSON."""
    settings = job.settings.model_dump(mode="json")
    return json.dumps({"verb": job.verb, "path": str(job.path), "settings": settings}) + "\n"
