"""Extras with the real packages: trackers, GCS.

Skipped where a package is not installed; ``.ci/extras`` installs all of them, and the server of GCS.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

import codo
from codo.core.run import open_run
from tests.catalog.pictures import jpegs, write_folder
from tests.training.tiny import run, settings, stop_after

PICTURES = jpegs(12, width=120, height=100)
STEPS = 12


def train_in_two_goes(catalog: Path, out: Path, **changes: Any) -> None:
    """As a scheduler that takes the machine away and gives it back."""
    arguments = settings(catalog, out, **{"steps": STEPS, "checkpoint_every": 50, **changes})
    assert stop_after(arguments, out, 4, signal.SIGTERM) == 143
    done = run(arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def train(catalog: Path, out: Path, **changes: Any) -> Path:
    """A run of its own process: trackers and object stores have threads."""
    done = run(settings(catalog, out, **{"steps": 3, **changes}))
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_wandb_offline(catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps and settings are in the file that ``wandb sync`` uploads; a resumed run has the same id."""
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    train_in_two_goes(catalog, tmp_path / "run", **{"log.wandb": "codo-tests"})
    records = sorted((tmp_path / "run").glob("wandb/offline-run-*/run-*.wandb"))
    assert len(records) == 2
    assert len({record.stem for record in records}) == 1
    for record in records:
        assert b"loss/P2" in record.read_bytes()
        assert b"foregrounds" in record.read_bytes()


def test_mlflow_in_files(catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    train_in_two_goes(catalog, tmp_path / "run", **{"log.mlflow": "mine"})
    client = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
    history = client.get_metric_history((tmp_path / "run" / "mlflow_run_id").read_text().strip(), "loss.P2")
    assert [one.step for one in history] == list(range(1, STEPS + 1))


@pytest.fixture
def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def gcs(free_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a bucket of a server on this machine."""
    pytest.importorskip("gcsfs")
    create_server = pytest.importorskip("gcp_storage_emulator.server").create_server
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{free_port}")
    server = create_server("127.0.0.1", free_port, in_memory=True, default_bucket="codo-tests")
    server.start()
    yield "gs://codo-tests"
    server.stop()


def test_pictures_in_gcs(gcs: str, tmp_path: Path) -> None:
    """Listed, prepared and trained on from there, by loader processes too; nothing is copied."""
    fs, path = fsspec.core.url_to_fs(gcs)
    if not fs.exists(path):
        fs.mkdir(path)
    for name, data in PICTURES.items():
        fs.pipe_file(f"{path}/photos/{name}", data)
    codo.prepare(f"{gcs}/photos", tmp_path / "catalog", jobs=2)
    codo.prepare(write_folder(tmp_path / "photos", PICTURES), tmp_path / "local", jobs=1)
    assert len(codo.open_catalog(tmp_path / "catalog")) == len(PICTURES)
    there, here = (losses(train(tmp_path / name, tmp_path / f"run-{name}", workers=2)) for name in ("catalog", "local"))
    assert len(there) == 3
    assert there == here


def losses(folder: Path) -> list[dict[str, float]]:
    """The losses of every step, by level; a row of step 0 has the probe before training alone."""
    rows = [
        {name: value for name, value in row.items() if name.startswith("loss/")} for row in open_run(folder).metrics()
    ]
    return [row for row in rows if row]


def test_none_is_skipped_where_all_are_installed() -> None:
    """``.ci/extras`` says so: a package that cannot be imported would be skipped without a word."""
    if os.environ.get("CODO_ALL_EXTRAS"):
        for module in ("ray", "wandb", "mlflow", "s3fs", "gcsfs", "moto.server", "gcp_storage_emulator.server"):
            __import__(module)
    else:
        pytest.skip("CODO_ALL_EXTRAS is not set")
