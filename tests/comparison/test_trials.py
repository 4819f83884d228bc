from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from codo.comparison import trials
from codo.comparison.comparison import Comparison
from codo.comparison.trials import RESULT, Trial, classes_of, numbers_of, resampled_of
from codo.core.run import Run
from codo.detection.finetune_settings import FinetuneSettings


def run_with(folder: Path, rows: list[dict[str, object]], early_stop: int | None = None) -> Run:
    folder.mkdir()
    (folder / "config.yaml").write_text(json.dumps({"early_stop": early_stop}))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Run(folder)


ROWS: list[dict[str, object]] = [
    {"step": 1, "loss": 3.0},
    {"step": 2, "ap/bbox/AP": 0.4, "ap/segm/AP": 0.3, "ap/voc/AP50_07": 0.7, "ap/bbox/class/cat": 0.9},
    {"step": 4, "ap/bbox/AP": 0.2, "ap/segm/AP": 0.35, "ap/voc/AP50_07": 0.6, "ap/bbox/class/cat": 0.1},
    {"step": 5, "loss": 1.0},
]


def test_numbers_are_those_of_the_detector_that_a_run_keeps(tmp_path: Path) -> None:
    last = {"bbox": {"AP": 0.2}, "segm": {"AP": 0.35}, "voc": {"AP50_07": 0.6}}
    best = {"bbox": {"AP": 0.4}, "segm": {"AP": 0.3}, "voc": {"AP50_07": 0.7}}
    assert numbers_of(run_with(tmp_path / "last", ROWS)) == last
    assert numbers_of(run_with(tmp_path / "best", ROWS, early_stop=1)) == best


def test_classes_are_those_of_the_same_evaluation_whatever_their_names(tmp_path: Path) -> None:
    odd = [{**row, "ap/bbox/class/cat/dog": 0.25} if row["step"] == 4 else row for row in ROWS]
    run = run_with(tmp_path / "run", odd)
    assert classes_of(run, None) == {"bbox": {"cat": 0.1, "cat/dog": 0.25}}
    assert classes_of(run, early_stop=1) == {"bbox": {"cat": 0.9}}
    assert "cat/dog" not in str(numbers_of(run))
    assert classes_of(run_with(tmp_path / "young", ROWS[:1]), None) == {}


def test_a_trial_is_finished_once_its_result_is_there(tmp_path: Path) -> None:
    settings = FinetuneSettings.model_validate({"data": "d", "out": str(tmp_path)})
    trial = Trial("none", 0.1, 3, 12, settings)
    assert trial.result() is None
    assert str(trial) == "none, 10% of the labels, seed 3"
    (tmp_path / RESULT).write_text('{"numbers": {"bbox": {"AP": 0.5}}, "resampled": {"bbox": {"AP": [0.4, 0.6]}}}')
    result = trial.result()
    assert result is not None
    assert result.numbers == {"bbox": {"AP": 0.5}}
    assert result.resampled["bbox"]["AP"].tolist() == [0.4, 0.6]


def test_resamples_are_of_the_detections_that_gave_the_numbers(
    done: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "image_weights", lambda images: np.ones((1, images), np.int32))
    for trial in done.trials[-2:]:
        numbers = done.results[trial.key].numbers["bbox"]
        for name, values in resampled_of(Run(trial.path), ["bbox"])["bbox"].items():
            assert values == [pytest.approx(numbers[name], abs=1e-6)]
