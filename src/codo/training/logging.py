"""What a run writes while it trains: metrics.jsonl, train.log, a progress bar, and trackers by choice.

``metrics.jsonl`` holds one JSON object a logged step with all values of that step. Names: ``loss/P2`` … by level,
``time/…`` for what differs from run to run even when nothing else does, ``alarms`` for messages.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from importlib import import_module
from typing import Any, Protocol

from pydantic import Field
from tqdm import tqdm

from codo.core.config import Settings
from codo.core.errors import CodoError, InputError
from codo.core.run import Run, write_atomically


class LogSettings(Settings):
    """What is logged, and where."""

    every: int = Field(10, ge=1, description="steps between two lines of metrics.jsonl")
    progress: bool = Field(True, description="show a progress bar when the output is a terminal")
    profile: bool = Field(False, description="trace a few steps into trace.json and tell where their time goes")
    tensorboard: bool = Field(False, description="write TensorBoard events (extra: tensorboard)")
    wandb: str | None = Field(None, description="project of Weights & Biases to log to (extra: wandb)")
    mlflow: str | None = Field(None, description="experiment of MLflow to log to (extra: mlflow)")


class Tracker(Protocol):
    """A place that scalars can be sent to."""

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Send the values of a step."""

    def close(self) -> None:
        """Flush and let go."""


class RunLog:
    """The log of a run on rank 0; elsewhere (``run=None``) everything is a no-op.

    Args:
        run: Where to write.
        settings: See `LogSettings`.
        start: Steps done before; later lines of an interrupted attempt are dropped, since those steps come again.
        total: Steps of the whole run, for the bar.
        unit: What the bar counts.
    """

    def __init__(self, run: Run | None, settings: LogSettings, *, start: int, total: int, unit: str = "step") -> None:
        self.run, self.settings = run, settings
        self._warned: set[str] = set()
        self.trackers: list[Tracker] = []
        quiet = run is None or not settings.progress or not sys.stderr.isatty()
        self._bar = tqdm(total=total, initial=start, unit=unit, dynamic_ncols=True, disable=quiet)
        # Without a bar, a line for every tenth of the run.
        self._spoken, self._tenth = start, max(1, total // 10)
        if run is None:
            return
        kept = [row for row in run.metrics() if start and row["step"] <= start]
        write_atomically(run.metrics_file, "".join(json.dumps(row) + "\n" for row in kept))
        self._metrics = run.metrics_file.open("a", encoding="utf-8")
        self._text = (run.path / "train.log").open("a", encoding="utf-8")
        self.trackers = open_trackers(settings, run, start)

    def row(self, step: int, values: Mapping[str, Any]) -> None:
        """Write the values of a step on one line."""
        if self.run is None:
            return
        # JSON has no NaN; null keeps the file readable by everything.
        clean = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
        _append(self._metrics, json.dumps({"step": step, **clean}) + "\n")
        scalars = {k: float(v) for k, v in clean.items() if isinstance(v, int | float)}
        for tracker in self.trackers:
            tracker.log(scalars, step)
        if self._bar.disable:
            speaks = self.settings.progress and step // self._tenth > self._spoken // self._tenth
            self.say(f"step {step}: {_summary(scalars)}", echo=speaks)
            self._spoken = step if speaks else self._spoken

    def advance(self, step: int, shown: Mapping[str, str] | None = None) -> None:
        """Move the bar to ``step``."""
        if shown is not None:
            self._bar.set_postfix(shown, refresh=False)
        self._bar.update(step - self._bar.n)

    def say(self, message: str, *, echo: bool = True) -> None:
        """Write a line to train.log, and to the terminal."""
        if self.run is None:
            return
        _append(self._text, f"{datetime.now().astimezone().isoformat(timespec='seconds')} {message}\n")
        if echo:
            tqdm.write(message, file=sys.stderr)

    def warn(self, message: str) -> None:
        """Write a warning."""
        self.say(f"WARNING {message}")

    def warn_once(self, *messages: str | None) -> None:
        """Write warnings that have not been written before."""
        for message in messages:
            if message and message not in self._warned:
                self._warned.add(message)
                self.warn(message)

    def close(self) -> None:
        """Flush and close everything."""
        self._bar.close()
        if self.run is not None:
            for handle in (self._metrics, self._text):
                with suppress(OSError):  # a full disk has been reported already
                    handle.close()
            for tracker in self.trackers:
                tracker.close()


def _append(handle: Any, text: str) -> None:
    try:
        handle.write(text)
        handle.flush()
    except OSError as error:
        raise CodoError(
            f"cannot write the log: {error.strerror}",
            where=handle.name,
            fix="free some space; the same command resumes",
        ) from error


def _summary(values: Mapping[str, float]) -> str:
    return " ".join(
        f"{name}={values[name]:.4g}" for name in ("loss", "lr", "invariance", "time/images_per_s") if name in values
    )


def open_trackers(settings: LogSettings, run: Run, start: int) -> list[Tracker]:
    """The trackers that the settings ask for.

    Raises:
        InputError: One whose package is not installed.
    """
    trackers: list[Tracker] = []
    if settings.tensorboard:
        trackers.append(_TensorBoard(run, start))
    if settings.wandb:
        trackers.append(_Wandb(run, settings.wandb))
    if settings.mlflow:
        trackers.append(_MLflow(run, settings.mlflow))
    return trackers


def check_trackers(settings: LogSettings) -> None:
    """Refuse trackers whose package is missing, before anything is written.

    Raises:
        InputError: See above.
    """
    for wanted, module, extra in (
        (settings.tensorboard, "torch.utils.tensorboard", "tensorboard"),
        (settings.wandb, "wandb", "wandb"),
        (settings.mlflow, "mlflow", "mlflow"),
    ):
        if wanted:
            try:
                import_module(module)
            except ImportError as error:
                raise InputError(
                    f"log.{extra} needs the package {extra}",
                    where=f"log.{extra}",
                    fix=f"pip install 'codo-detect[{extra}]', or leave it out",
                ) from error


class _TensorBoard:
    def __init__(self, run: Run, start: int) -> None:
        # Steps after the one resumed from come again.
        self.writer = import_module("torch.utils.tensorboard").SummaryWriter(str(run.path), purge_step=start + 1)

    def log(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        self.writer.close()


class _Wandb:
    def __init__(self, run: Run, project: str) -> None:
        self.session = import_module("wandb").init(
            project=project, name=run.path.name, id=_identity(run), resume="allow", config=run.config, dir=str(run.path)
        )

    def log(self, values: Mapping[str, float], step: int) -> None:
        self.session.log(dict(values), step=step)

    def close(self) -> None:
        self.session.finish()


def _identity(run: Run) -> str:
    """The same for every start of a run, another for a run of the same name elsewhere."""
    return hashlib.blake2b(str(run.path.resolve()).encode(), digest_size=8).hexdigest()


class _MLflow:
    def __init__(self, run: Run, experiment: str) -> None:
        self.mlflow = import_module("mlflow")
        self.mlflow.set_experiment(experiment)
        self.mlflow.start_run(run_name=run.path.name)

    def log(self, values: Mapping[str, float], step: int) -> None:
        self.mlflow.log_metrics({name.replace("/", "."): value for name, value in values.items()}, step=step)

    def close(self) -> None:
        self.mlflow.end_run()
