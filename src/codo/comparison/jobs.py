"""What can be done in a process of a comparison: training runs, each told by a verb and its settings.

Whoever adds trials of another kind adds a line to `VERBS`; schedule and processes know nothing else of them.
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
    """A training run to do; its words are ``str()``."""

    @property
    def verb(self) -> str:
        """A name in `VERBS`."""

    @property
    def settings(self) -> Settings:
        """Of that verb."""

    @property
    def path(self) -> Path:
        """The run directory."""


class Verb(NamedTuple):
    """A kind of work: its settings, and who does it or what is left of it."""

    schema: type[Settings]
    function: Callable[[Any], None]


VERBS: dict[str, Verb] = {
    "pretrain": Verb(PretrainSettings, pretraining.run_pretraining_job),
    "finetune": Verb(FinetuneSettings, trials.run_trial),
}


PATIENCE = 60.0
"""Seconds to wait for a process that an earlier, killed comparison has left behind and that is just saving."""


def run_job(work: Job) -> None:
    """Do a piece of work, or what is left of it.

    Raises:
        InputError, CodoError: It cannot be done.
        Interrupted, Preempted: Stopped, with a checkpoint.
    """
    wait_until_free(Run(work.path), PATIENCE)
    VERBS[work.verb].function(work.settings)


def wait_until_free(run: Run, seconds: float) -> None:
    """Wait while another process writes to a run, but not for ever: who opens it says what is wrong."""
    end = time.monotonic() + seconds
    while run.busy and time.monotonic() < end:
        time.sleep(0.2)


@dataclass(frozen=True)
class JobSpec:
    """Work as it is handed to a process."""

    verb: str
    settings: Settings
    path: Path

    @classmethod
    def read(cls, line: str) -> JobSpec:
        """The order in a line of JSON, as `serialize` gives it."""
        order = json.loads(line)
        settings = VERBS[order["verb"]].schema.model_validate(order["settings"])
        return cls(order["verb"], settings, Path(order["path"]))


def serialize(work: Job) -> str:
    """Work as a line of JSON."""
    settings = work.settings.model_dump(mode="json")
    return json.dumps({"verb": work.verb, "path": str(work.path), "settings": settings}) + "\n"
