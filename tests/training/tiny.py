"""The smallest run that has everything: shared by the tests of training, and started as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from codo.core.errors import Interrupted
from codo.training import trainer

MODEL = {
    "backbone": "resnet18",
    "width": 0.125,
    "fpn_channels": 16,
    "head": "1conv1fc",
    "head_dim": 32,
    "embedding_dim": 32,
}


def settings(catalog: Path, out: Path, **changes: Any) -> dict[str, Any]:
    """Keyword arguments of `codo.pretrain`, dotted names included."""
    return {
        "foregrounds": str(catalog),
        "backgrounds": [str(catalog)],
        "out": str(out),
        "device": "cpu",
        "workers": 0,
        "canvas": 64,
        "batch_size": 8,
        "steps": 6,
        "checkpoint_every": 2,
        "model": MODEL,
        "contrast": {"queue": 64, "bn_groups": 2},
        "optim": {"lr": 0.05},
        "probe": {"every": 3, "proposals": 8, "group": 4},
        "log.every": 1,
        **changes,
    }


def command(arguments: dict[str, Any]) -> list[str]:
    """The same run as a command line."""
    from codo.core.config import flatten, nest

    def spelled(value: Any) -> str:
        if isinstance(value, list):
            return f"[{','.join(map(spelled, value))}]"
        return json.dumps(value) if value is None or isinstance(value, bool) else str(value)

    flat = flatten(nest(arguments))
    return [sys.executable, "-m", "codo.cli", "pretrain", *(f"{key}={spelled(value)}" for key, value in flat.items())]


def environment(**changes: str) -> dict[str, str]:
    """One thread: exact on the CPU."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", **changes}


def run(arguments: dict[str, Any], **kwargs: Any) -> subprocess.CompletedProcess[str]:
    """Run to the end in a process of its own."""
    return subprocess.run(command(arguments), env=environment(), capture_output=True, text=True, check=False, **kwargs)


def stop_after(arguments: dict[str, Any], out: Path, step: int, number: int) -> int:
    """Start a run, send it a signal once it has logged ``step``; returns the exit code."""
    process = subprocess.Popen(command(arguments), env=environment(), stderr=subprocess.DEVNULL)
    wait_for_step(out, step, process)
    process.send_signal(number)
    return process.wait(timeout=120)


def wait_for_step(out: Path, step: int, process: subprocess.Popen[Any]) -> None:
    """Return once a run has logged a step."""
    metrics = out / "metrics.jsonl"
    deadline = time.monotonic() + 300  # trackers on a busy machine
    while not (metrics.exists() and f'"step": {step},' in metrics.read_text()):
        assert process.poll() is None, "the run ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.005)


def final_state(out: Path) -> dict[str, Any]:
    """The newest checkpoint."""
    name = (out / "checkpoints/last").read_text().strip()
    state: dict[str, Any] = torch.load(out / "checkpoints" / name, weights_only=True)
    return state


def assert_same_state(a: dict[str, Any], b: dict[str, Any]) -> None:
    """Weights, queues and optimizer, bit by bit."""
    assert a["step"] == b["step"]
    assert a["method"].keys() == b["method"].keys()
    for name, value in a["method"].items():
        assert torch.equal(value, b["method"][name]), name
    for one, other in zip(a["optimizer"]["state"].values(), b["optimizer"]["state"].values(), strict=True):
        assert torch.equal(one["momentum_buffer"], other["momentum_buffer"])


def timeless(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Metrics without the times, which never repeat."""
    return [{key: value for key, value in row.items() if not key.startswith("time/")} for row in rows]


@contextmanager
def stopped_after(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within, a run stops as by Ctrl-C once the checkpoint of ``step`` is saved; that it did is checked."""
    original = trainer.save

    def stop(job: Any, done: int) -> None:
        original(job, done)
        if done == step:
            raise Interrupted("stopped", where="here", fix="go on")

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "save", stop)
        with pytest.raises(Interrupted):
            yield
