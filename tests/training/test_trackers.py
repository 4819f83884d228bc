"""Trackers go on in the same place when a run is resumed; those that are not installed are refused beforehand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codo.core.errors import InputError
from codo.core.run import Run, start_run
from codo.training.log_settings import LogSettings
from codo.training.trackers import MLFLOW_ID, check_trackers, open_trackers


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = start_run(tmp_path / "run", {"seed": 0}, "pretrain")
    yield made
    made.unlock()


@pytest.mark.parametrize(
    ("extra", "module"), [("tensorboard", "torch.utils.tensorboard"), ("wandb", "wandb"), ("mlflow", "mlflow")]
)
def test_a_tracker_that_is_not_installed_is_refused(extra: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as Python marks a module that cannot be imported
    with pytest.raises(InputError, match=f"log.{extra} needs the package {extra}") as caught:
        check_trackers(LogSettings.model_validate({extra: True if extra == "tensorboard" else "name"}))
    assert f"codo-detect[{extra}]" in caught.value.fix
    check_trackers(LogSettings())


def test_none_by_default(run: Run) -> None:
    assert open_trackers(LogSettings(), run, 0) == []


def test_tensorboard_drops_the_steps_that_come_again(run: Run) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def track(start: int, steps: range, value: float) -> None:
        (tracker,) = open_trackers(LogSettings(tensorboard=True), run, start)
        for step in steps:
            tracker.log({"loss/P2": value * step}, step)
        tracker.close()

    track(0, range(1, 5), 1.0)
    track(2, range(3, 6), 10.0)
    read = EventAccumulator(str(run.path))
    read.Reload()
    found = [(event.step, event.value) for event in read.Scalars("loss/P2")]
    assert found == [(1, 1.0), (2, 2.0), (3, 30.0), (4, 40.0), (5, 50.0)]


class TestMLflow:
    """With the real one, in files."""

    @pytest.fixture
    def mlflow(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
        mlflow = pytest.importorskip("mlflow")
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # MLflow 3 wants a database otherwise
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
        yield mlflow
        mlflow.set_tracking_uri(before)

    @staticmethod
    def track(run: Run, step: int, experiment: str = "mine") -> str:
        (tracker,) = open_trackers(LogSettings(mlflow=experiment), run, step - 1)
        tracker.log({"loss/P2": float(step)}, step)
        tracker.close()
        return (run.path / MLFLOW_ID).read_text().strip()

    def test_a_resumed_run_goes_on_in_its_own(self, mlflow: Any, run: Run) -> None:
        first = self.track(run, 1)
        assert self.track(run, 2) == first
        history = mlflow.tracking.MlflowClient().get_metric_history(first, "loss.P2")
        assert [(one.step, one.value) for one in history] == [(1, 1.0), (2, 2.0)]
        info = mlflow.get_run(first).info
        assert (info.run_name, info.status) == ("run", "FINISHED")
        assert len(mlflow.search_runs(experiment_names=["mine"], output_format="list")) == 1

    def test_where_it_cannot_go_on_it_begins_anew(self, mlflow: Any, run: Run) -> None:
        first = self.track(run, 1)
        second = self.track(run, 2, experiment="another")
        assert second != first
        mlflow.delete_run(second)
        third = self.track(run, 3, experiment="another")
        assert third not in (first, second)
        (run.path / MLFLOW_ID).write_text("0123456789abcdef0123456789abcdef\n")  # of another server
        fourth = self.track(run, 4, experiment="another")
        assert fourth not in (first, second, third)
        assert self.track(run, 5, experiment="another") == fourth

    def test_a_store_that_cannot_be_opened_is_refused(self, mlflow: Any) -> None:
        check_trackers(LogSettings(mlflow="mine"))
        mlflow.set_tracking_uri("unknown://nowhere")
        with pytest.raises(InputError, match="MLflow cannot open its store unknown://nowhere") as caught:
            check_trackers(LogSettings(mlflow="mine"))
        assert "MLFLOW_TRACKING_URI" in caught.value.fix
