"""Optional trackers: TensorBoard, Weights & Biases and MLflow. A resumed run continues its tracker run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol

from codo.core.errors import InputError, first_line
from codo.core.io import write_atomically
from codo.core.run import Run
from codo.training.log_settings import LogSettings

MLFLOW_ID = "mlflow_run_id"
"""File in the run folder that holds the id of its MLflow run."""


class Tracker(Protocol):
    """A service that records scalars."""

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Send the values of a step."""

    def close(self) -> None:
        """Flush and close."""


def open_trackers(settings: LogSettings, run: Run, start: int) -> list[Tracker]:
    """Open the trackers that the settings enable.

    Args:
        settings: See `LogSettings`.
        run: The run to track.
        start: Number of steps done before.
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
    """Check that all enabled trackers can be used, before anything is written.

    Raises:
        InputError: A package is not installed, or MLflow cannot open its store.
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
                    fix=f"pip install 'codo-detect[{extra}]', or leave log.{extra} out",
                ) from error
    if settings.mlflow:
        _check_mlflow_store()


def _check_mlflow_store() -> None:
    """Open MLflow's store without a request to a server.

    mlflow-skinny alone has none by default: its default, SQLite, belongs to the full package, and since MLflow 3 it
    refuses a folder of files unless that is allowed (findings/mlflow_skinny_default_store.sh).
    """
    mlflow = import_module("mlflow")
    try:
        mlflow.MlflowClient()
    except Exception as error:  # MLflow has several unrelated classes for this
        raise InputError(
            f"MLflow cannot open its store {mlflow.get_tracking_uri()}: {first_line(error)[:200]}",
            where="log.mlflow",
            fix="set MLFLOW_TRACKING_URI=http://SERVER; or pip install mlflow, for the SQLite store; or set "
            "MLFLOW_TRACKING_URI=DIR MLFLOW_ALLOW_FILE_STORE=true",
        ) from error


class _TensorBoard:
    def __init__(self, run: Run, start: int) -> None:
        # Steps after the resumed checkpoint are repeated.
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
    """An id that is the same for every start of a run, and different for a run of the same name in another folder."""
    return hashlib.blake2b(str(run.path.resolve()).encode(), digest_size=8).hexdigest()


class _MLflow:
    def __init__(self, run: Run, experiment: str) -> None:
        self.mlflow = import_module("mlflow")
        # W&B accepts an id chosen by the client; MLflow creates the id, so it is saved.
        id_file = run.path / MLFLOW_ID
        run_id = id_file.read_text(encoding="utf-8").strip() if id_file.is_file() else ""
        if self._can_continue(run_id, self.mlflow.set_experiment(experiment)):
            self.mlflow.start_run(run_id=run_id)
        else:
            write_atomically(id_file, self.mlflow.start_run(run_name=run.path.name).info.run_id + "\n")

    def _can_continue(self, run_id: str, experiment: Any) -> bool:
        """Whether the MLflow run still exists on this server, in this experiment, and was not deleted."""
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
