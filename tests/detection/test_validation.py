"""Evaluations on the way: early stopping, and being stopped in the middle of one."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from codo.core.errors import InputError, Preempted
from codo.core.run import Run
from codo.detection.detector import Detector
from codo.detection.detector_io import SavedDetector
from codo.detection.evaluate import evaluate
from codo.detection.finetune import finetune
from codo.detection.validation import MAIN, Validation, evaluations, since_best
from codo.training import checkpoint
from tests.conftest import MakeData
from tests.detection.test_finetune import QUICK
from tests.training import tiny


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], 0), ([0.1], 0), ([0.1, 0.2], 0), ([0.2, 0.1, 0.2], 2), ([0.1, 0.3, 0.2], 1), ([-1, -1], 1)],
)
def test_evaluations_since_the_best_by_hand(values: list[float], expected: int) -> None:
    assert since_best(list(enumerate(values))) == expected


def test_evaluations_are_read_from_the_log() -> None:
    rows = [{"step": 4, MAIN: 0.2}, {"step": 2, MAIN: 0.1}, {"step": 3, "loss": 1.0}, {"step": 4, MAIN: 0.3}]
    assert evaluations([*rows, {"step": 6, MAIN: None}]) == [(2, 0.1), (4, 0.3)]


def scored(monkeypatch: pytest.MonkeyPatch, course: dict[int, float]) -> None:
    """Let the evaluation of a step find the AP that ``course`` says."""
    call, row = Validation.__call__, Validation._row

    def at_step(self: Validation, step: int) -> dict[str, float]:
        monkeypatch.setattr(Validation, "_row", lambda self, results: row(self, results) | {MAIN: course[step]})
        return call(self, step)

    monkeypatch.setattr(Validation, "__call__", at_step)


COURSE = {2: 0.1, 4: 0.3, 6: 0.2, 8: 0.3, 10: 0.9}


def test_early_stopping_ends_the_run_and_keeps_its_best(
    make_data: MakeData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored(monkeypatch, COURSE)
    settings = {**QUICK, "data": make_data(images=2), "batch_size": 2, "steps": 10, "eval_every": 2, "early_stop": 2}
    settings |= {"keep_checkpoints": 9, "precise_bn": 1}
    run = finetune(None, **{**settings, "out": tmp_path / "run"})
    assert evaluations(run.metrics()) == [(2, 0.1), (4, 0.3), (6, 0.2), (8, 0.3)]  # 8 only equals the best
    best = checkpoint.load(run.checkpoints_dir / "step-00000004.pt")["method"]
    kept = SavedDetector.load(run.path)
    assert all(torch.equal(tensor, best[name]) for name, tensor in kept.detector.state_dict().items())
    assert kept.data is not None
    assert "no better box AP since step 4 (0.3000)" in (run.path / "train.log").read_text()
    # The same command again finds it finished.
    before = run.metrics_file.read_text()
    finetune(None, **{**settings, "out": tmp_path / "run"})
    assert run.metrics_file.read_text() == before
    # Killed after step 4, it comes to the same end.
    killed = tmp_path / "killed"
    shutil.copytree(run.path, killed)
    for step in (6, 8):
        (killed / "checkpoints" / f"step-{step:08}.pt").unlink()
    resumed = finetune(None, **{**settings, "out": killed})
    assert evaluations(resumed.metrics()) == evaluations(run.metrics())
    again = SavedDetector.load(killed).detector.state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in kept.detector.state_dict().items())


def test_without_early_stopping_the_last_detector_is_kept(
    make_data: MakeData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored(monkeypatch, COURSE)
    settings = {**QUICK, "data": make_data(images=2), "batch_size": 2, "steps": 4, "eval_every": 2}
    run = finetune(None, **{**settings, "out": tmp_path / "run"})
    assert [step for step, _ in evaluations(run.metrics())] == [2, 4]
    last = checkpoint.load(run.checkpoints()[-1])["method"]
    exported = SavedDetector.load(run.exports_dir / "detector.safetensors").detector.state_dict()
    assert all(torch.equal(tensor, exported[name]) for name, tensor in last.items())


def test_early_stopping_needs_evaluations(make_data: MakeData, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="early_stop needs evaluations during the run"):
        finetune(None, **{**QUICK, "data": make_data(), "out": tmp_path / "run", "steps": 1, "early_stop": 2})


@pytest.mark.parametrize("where", ["detect", "precise"])
def test_sigterm_ends_an_evaluation_and_the_same_command_makes_up_for_it(
    where: str, make_data: MakeData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {**QUICK, "data": make_data(images=4), "batch_size": 2, "steps": 4, "eval_every": 2}
    settings |= {"precise_bn": 3, "checkpoint_every": 100, "log.every": 1}
    undisturbed = finetune(None, **{**settings, "out": tmp_path / "undisturbed"})
    seen: list[int] = []
    original = Detector.detect if where == "detect" else Detector.forward

    def interrupted(self: Detector, *arguments: Any) -> Any:
        if where == "detect" or not torch.is_grad_enabled():  # training has gradients, precise BN has none
            seen.append(1)
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, *arguments)

    monkeypatch.setattr(Detector, "detect" if where == "detect" else "forward", interrupted)
    with pytest.raises(Preempted, match="after step 2; a checkpoint is saved"):
        finetune(None, **{**settings, "out": tmp_path / "run"})
    assert len(seen) == 1  # neither the other images nor the other batches
    run = Run(tmp_path / "run")
    assert evaluations(run.metrics()) == []
    assert [path.name for path in run.checkpoints()] == ["step-00000002.pt"]
    monkeypatch.undo()
    finetune(None, **{**settings, "out": run.path})
    assert evaluations(run.metrics()) == evaluations(undisturbed.metrics())
    assert len(evaluations(run.metrics())) == 2
    assert tiny.timeless(run.metrics()) == tiny.timeless(undisturbed.metrics())  # the loss of step 2, too
    a, b = (checkpoint.load(one.checkpoints()[-1])["method"] for one in (run, undisturbed))
    assert all(torch.equal(tensor, b[name]) for name, tensor in a.items())
    # What is scored, saved and exported has the same, precise statistics.
    logged = {name: run.metrics()[-1][f"ap/bbox/{name}"] for name in ("AP", "AP50", "AR100")}
    for source in (run.path, run.exports_dir / "detector.safetensors"):
        numbers = evaluate(source, settings["data"], workers=0)["bbox"]
        assert {name: numbers[name] for name in logged} == logged
