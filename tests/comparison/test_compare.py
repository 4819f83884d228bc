"""Comparisons that are really run: equal to single runs, stopped, killed, gone on with, failed in part."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import codo
from codo.cli import main
from codo.comparison import jobs
from codo.comparison.compare import _rounds
from codo.comparison.comparison import Comparison
from codo.comparison.trials import RESULT, Result
from codo.core.config import flatten
from codo.core.errors import CodoError, InputError
from codo.core.run import Run
from codo.detection.finetune_settings import FinetuneSettings
from tests.object_store import Store
from tests.training import tiny

COMPARE = import_module("codo.comparison.compare")  # as an attribute of its package it is the function


def arguments(settings: dict[str, Any], out: Path) -> list[str]:
    """The settings as words of a command line."""
    return [f"{key}={json.dumps(value)}" for key, value in flatten({**settings, "out": str(out)}).items()]


def times(out: Path) -> dict[str, int]:
    """Modification time of every trial's result."""
    return {str(file.relative_to(out)): file.stat().st_mtime_ns for file in sorted(out.rglob(RESULT))}


def found(out: Path) -> dict[str, Any]:
    """What every finished trial says."""
    return {name: json.loads((out / name).read_text()) for name in times(out)}


def expected(done: Comparison, out: Path) -> dict[str, Any]:
    """What the undisturbed comparison has for the trials that lie in ``out``."""
    return {name: json.loads((done.out / name).read_text()) for name in times(out)}


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> list[FinetuneSettings]:
    """Trials are not trained but get an AP of 0.5; lists what was to be done. Random weights and seed 0 fail."""
    asked: list[FinetuneSettings] = []

    def finish(settings: FinetuneSettings) -> None:
        asked.append(settings)
        if settings.seed == 0 and settings.weights == "none":
            raise CodoError("the loss is nan at step 1", where="x", fix="y")
        Path(settings.out).mkdir(parents=True)
        (Path(settings.out) / RESULT).write_text(json.dumps({"numbers": {"bbox": {"AP": 0.5}}, "resampled": {}}))

    monkeypatch.setitem(jobs.VERBS, "finetune", jobs.Verb(FinetuneSettings, finish))
    return asked


def test_all_trials_are_done_and_shown(done: Comparison) -> None:
    assert len(done.results) == len(done.trials) == 8
    assert done.missing == []
    assert done.evaluated == 4
    assert [done.images(fraction) for fraction in done.fractions] == [[4, 4], [8, 8]]
    tables = {"results.csv", "summary.csv", "costs.csv", "table.md", "table.tex", "comparison.json"}
    assert {entry.name for entry in done.out.iterdir()} - {".lock"} == {
        "trials",
        "compare.yaml",
        "report.html",
        *tables,
    }
    assert "8 of 8 trials are finished" in (done.out / "report.html").read_text()


def test_a_trial_is_what_finetune_and_evaluate_give_alone(
    done: Comparison, protocol: dict[str, Any], place: Path, tmp_path: Path
) -> None:
    own = {key: value for key, value in protocol.items() if key not in ("inits", "fractions", "seeds", "data")}
    data = {"folder": protocol["data"], "fraction": 0.5, "fraction_seed": 1}
    run = codo.finetune(weights=str(place / "run"), seed=1, data=data, out=str(tmp_path / "single"), **own)
    result = done.results["codo", 0.5, 1]
    assert codo.evaluate(run, workers=0) == result.numbers
    assert result.resampled["bbox"]["AP"].std() > 0
    trial = next(trial for trial in done.trials if trial.key == ("codo", 0.5, 1))
    assert (trial.path / "labeled_images.txt").read_text() == (run.path / "labeled_images.txt").read_text()


def test_all_initializations_learn_from_the_same_labels(done: Comparison) -> None:
    drawn = {trial.key: (trial.path / "labeled_images.txt").read_text() for trial in done.trials}
    for _, fraction, seed in drawn:
        assert drawn["none", fraction, seed] == drawn["codo", fraction, seed]
    assert drawn["none", 0.5, 0] != drawn["none", 0.5, 1]


def test_the_same_again_does_nothing_and_more_seeds_add_trials(
    copied: Path, protocol: dict[str, Any], pretend: list[FinetuneSettings]
) -> None:
    before = times(copied)
    codo.compare(out=str(copied), **protocol)
    assert pretend == []
    comparison = codo.compare(out=str(copied), **{**protocol, "seeds": [0, 1, 2]})
    assert [settings.seed for settings in pretend] == [2] * 4
    assert comparison.results["none", 1.0, 2] == Result({"bbox": {"AP": 0.5}}, {})
    assert {name: when for name, when in times(copied).items() if name in before} == before


def test_a_page_that_fails_warns_once_and_fails_nothing(
    copied: Path, protocol: dict[str, Any], pretend: list[FinetuneSettings], capsys: pytest.CaptureFixture[str]
) -> None:
    (copied / "report.html").unlink()
    (copied / "report.html").mkdir()  # a folder in its place
    comparison = codo.compare(out=str(copied), **{**protocol, "seeds": [0, 1, 2]})
    assert len(pretend) == 4
    assert ("none", 1.0, 2) in comparison.results
    assert ",2," in (copied / "results.csv").read_text()
    told = capsys.readouterr().err
    assert told.count("WARNING the report could not be written: IsADirectoryError") == 1
    assert "the same command again writes it" in told


def test_a_report_that_a_finished_trial_lacks_is_written(
    copied: Path, protocol: dict[str, Any], pretend: list[FinetuneSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []
    monkeypatch.setattr(COMPARE, "write_report", lambda run: written.append(run.path))
    report = copied / "trials/codo/fraction-1/seed-1/report.html"
    report.unlink()  # as by a disk that was full
    codo.compare(out=str(copied), **protocol)
    assert pretend == []
    assert written == [report.parent]


def test_another_protocol_is_refused_in_the_same_folder(copied: Path, protocol: dict[str, Any]) -> None:
    with pytest.raises(
        InputError, match=r"the comparison in out= has this trial with other settings \(steps: 2 -> 3\)"
    ):
        codo.compare(out=str(copied), **{**protocol, "steps": 3})


def test_changed_weights_are_refused(copied: Path, protocol: dict[str, Any], place: Path) -> None:
    """Trials of one name must not start from different weights."""
    document = copied / "comparison.json"
    content = json.loads(document.read_text())
    assert content["initializations"]["codo"]["weights"].keys() == {str(place / "run")}
    content["initializations"]["codo"]["weights"][str(place / "run")] = "0" * 64
    document.write_text(json.dumps(content))
    with pytest.raises(InputError, match="the weights have changed since trials were started from them"):
        codo.compare(out=str(copied), **protocol)


def test_weights_of_trials_that_are_left_out_once_are_still_compared(
    copied: Path, protocol: dict[str, Any], place: Path, pretend: list[FinetuneSettings]
) -> None:
    """A command for some initializations alone must not forget what the others started from."""
    document, source = copied / "comparison.json", str(place / "run")
    before = json.loads(document.read_text())["initializations"]["codo"]
    trunk = {name: value for name, value in tiny.MODEL.items() if name != "embedding_dim"}
    codo.compare(out=str(copied), **{**protocol, "inits": ["none"], "model": trunk})
    content = json.loads(document.read_text())
    assert list(content["initializations"]) == ["none"]
    assert content["left_out"] == {"codo": before}
    changed = {"codo": {**before, "weights": {source: "0" * 64}}}
    document.write_text(json.dumps({**content, "left_out": changed}))
    with pytest.raises(InputError, match="the weights have changed since trials were started from them"):
        codo.compare(out=str(copied), **protocol)
    document.write_text(json.dumps(content))
    codo.compare(out=str(copied), **protocol)
    assert pretend == []
    assert json.loads(document.read_text())["left_out"] == {}


def test_notes_in_the_folder_of_a_comparison_do_no_harm(
    copied: Path, protocol: dict[str, Any], pretend: list[FinetuneSettings]
) -> None:
    (copied / "notes.txt").write_text("mine")
    codo.compare(out=str(copied), **protocol)
    assert pretend == []
    assert (copied / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inits": ["none", "a=absent.pth"]}, "absent.pth"),
        ({"inits": ["none", "imagnet"]}, "did you mean 'imagenet'"),
        ({"data": "nowhere"}, "nowhere"),
        ({"fractions": [0.01]}, "batch_size=2 is larger"),
        ({"model": {"backbone": "resnet50"}}, "resnet50"),
        ({"steps": None}, "the length of the run is missing"),
        ({"device": "cuda:77"}, "CUDA"),
        ({"log": {"wandb": "project"}}, "wandb"),
    ],
)
def test_everything_is_checked_before_anything_is_written(
    changes: dict[str, Any], message: str, protocol: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        codo.compare(out=str(tmp_path / "out"), **{**protocol, **changes})
    assert not (tmp_path / "out").exists()


def test_as_many_seeds_at_once_as_keep_the_workers_busy() -> None:
    assert _rounds(3, 0, 2) == [3]  # nothing to pretrain
    assert _rounds(3, 3, 1) == [1, 2, 3]
    assert _rounds(5, 5, 2) == [2, 4, 5]
    assert _rounds(3, 36, 8) == [1, 2, 3]  # twelve pretrainings a seed
    assert _rounds(3, 1, 2) == [3]  # one pretraining for all seeds


def test_torchrun_is_refused(protocol: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="cannot be run by torchrun"):
        codo.compare(out=str(tmp_path / "out"), **protocol)


def test_a_folder_of_something_else_is_left_alone(protocol: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match=r"not a comparison \(it contains thesis.tex\)"):
        codo.compare(out=str(tmp_path), **protocol)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(InputError, match="out= is a file"):
        codo.compare(out=str(tmp_path / "thesis.tex"), **protocol)


def test_a_comparison_of_the_previous_version_is_refused_with_what_to_do(
    protocol: dict[str, Any], tmp_path: Path
) -> None:
    """Format 1 had its finetunings in ``cells/``."""
    (tmp_path / "cells/none/fraction-1/seed-0").mkdir(parents=True)
    (tmp_path / "compare.yaml").touch()
    (tmp_path / "comparison.json").write_text('{"format": 1, "cells": []}')
    with pytest.raises(InputError) as error:
        codo.compare(out=str(tmp_path), **protocol)
    assert error.value.lines() == [
        "this comparison was begun by an earlier version of codo (format 1 with cells/, now 2 with trials/)",
        f"  where: {tmp_path}",
        "  fix:   finish it with the version that began it, or start in a new out=",
    ]
    assert not (tmp_path / ".lock").exists()
    assert not (tmp_path / "trials").exists()


def test_a_trial_that_fails_does_not_stop_the_others(
    protocol: dict[str, Any], tmp_path: Path, pretend: list[FinetuneSettings], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["compare", *arguments({**protocol, "fractions": [1]}, out)]) == 1
    error = capsys.readouterr().err
    assert "1 run failed\n  none, 100% of the labels, seed 0: the loss is nan at step 1" in error
    assert len(pretend) == 4
    assert len(found(out)) == 3
    assert "the loss is nan at step 1" in (out / "report.html").read_text()
    assert json.loads((out / "comparison.json").read_text())["trials"][0]["state"] == "failed"


def test_killed_in_the_middle_it_finishes_the_missing_trials_alone(
    done: Comparison, protocol: dict[str, Any], tmp_path: Path
) -> None:
    """By kill -9; the numbers are those of a comparison that nobody disturbed."""
    out = tmp_path / "out"
    words = ["compare", *arguments({**protocol, "jobs": 1, "checkpoint_every": 1}, out)]
    command = [sys.executable, "-m", "codo.cli", *words]

    def at_work() -> list[Run]:
        runs = [Run(trial) for trial in out.glob("trials/*/*/*") if not (trial / RESULT).exists()]
        return [run for run in runs if [path.name for path in run.checkpoints()] == ["step-00000001.pt"]]

    with subprocess.Popen(command, env=tiny.environment(), stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while (len(times(out)) < 2 or not at_work()) and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    before, stopped = times(out), at_work()
    assert 2 <= len(before) < 8
    assert f"{len(before)} of 8 trials are finished" in (out / "report.html").read_text()
    assert main(words) == 0
    after = times(out)
    assert len(after) == 8
    assert {name: when for name, when in after.items() if name in before} == before
    assert found(out) == expected(done, out)
    assert all("resumed from step 1" in (run.path / "train.log").read_text() for run in stopped)


def test_several_at_a_time_compute_the_same(done: Comparison, protocol: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "out"
    two = {**protocol, "inits": ["none"], "fractions": [0.5], "jobs": 2, "model": tiny.MODEL, "workers": 1}
    codo.compare(out=str(out), **two)
    assert len(found(out)) == 2
    assert found(out) == expected(done, out)
    logs = {"none-fraction-0.5-seed-0.log", "none-fraction-0.5-seed-1.log"}
    assert {log.name for log in (out / "logs").iterdir()} == logs


def test_on_another_machine_finished_trials_come_from_the_mirror(
    s3: Store, protocol: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {**protocol, "inits": ["none"], "fractions": [1], "seeds": [0], "mirror": f"{s3.url}/answer"}
    few["model"] = tiny.MODEL  # that of the pretrained initialization, which is left out
    monkeypatch.setattr("codo.reporting.report.write_report", lambda run: None)
    first = codo.compare(out=str(tmp_path / "first"), **few)
    assert {name.split("/checkpoints")[0] for name in s3.names("answer") if "step-" in name} == {
        trial.path.relative_to(first.out).as_posix() for trial in first.trials
    }
    shutil.rmtree(tmp_path / "first")
    finetuning = sys.modules["codo.detection.finetune"]  # the package's name of it is the function
    monkeypatch.setattr(finetuning, "train", lambda job: pytest.fail("nothing is left to train"))
    second = codo.compare(out=str(tmp_path / "second"), **few)
    assert {key: one.numbers for key, one in second.results.items()} == {
        key: one.numbers for key, one in first.results.items()
    }
