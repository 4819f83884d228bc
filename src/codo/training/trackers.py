"""Trackers: TensorBoard, Weights & Biases and MLflow, by choice. A run that is resumed goes on in the same place."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol

from codo.core.errors import InputError
from codo.core.io import write_atomically
from codo.core.run import Run
from codo.training.log_settings import LogSettings

MLFLOW_ID = "mlflow_run_id"
"""File in the run folder that holds the id of its MLflow run."""


class Tracker(Protocol):
    """A place that scalars can be sent to."""

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Send the values of a step."""

    def close(self) -> None:
        """Flush and let go."""


def open_trackers(settings: LogSettings, run: Run, start: int) -> list[Tracker]:
    """The trackers that the settings ask for.

    Args:
        settings: See `LogSettings`.
        run: What is tracked.
        start: Steps done before.
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
        # W&B takes an id that we choose; MLflow chooses it, so that it is kept.
        kept = run.path / MLFLOW_ID
        before = kept.read_text(encoding="utf-8").strip() if kept.is_file() else ""
        if self._goes_on(before, self.mlflow.set_experiment(experiment)):
            self.mlflow.start_run(run_id=before)
        else:
            write_atomically(kept, self.mlflow.start_run(run_name=run.path.name).info.run_id + "\n")

    def _goes_on(self, run_id: str, experiment: Any) -> bool:
        """Whether a run is there to go on: not where another server or experiment is named, or it was deleted."""
        if not run_id:
            return False
        try:
            info = self.mlflow.get_run(run_id).info
        except self.mlflow.exceptions.MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False
        return bool(info.lifecycle_stage == "active" and info.experiment_id == experiment.experiment_id)

    def log(self, values: Mapping[str, float], step: int) -> None:
        self.mlflow.log_metrics({name.replace("/", "."): value for name, value in values.items()}, step=step)

    def close(self) -> None:
        self.mlflow.end_run()
