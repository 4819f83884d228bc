"""``codo demo`` from end to end, with tiny recipes in place of its own."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import codo
from codo.cli import main
from codo.demo.demo import FULL, QUICK, Scale, demo
from codo.detection.load_pretrained import PRETRAINING_ONLY
from codo.models.encoder import ModelSettings
from tests.reporting.conftest import Html
from tests.training.tiny import MODEL

STARTS = ("Random-weights", "CoDo")
SCALE = Scale(objects=8, scenes=6, labeled=4, val=3, pretrain_steps=2, finetune_steps=2, seeds=1)
PRETRAIN = {
    "canvas": 64,
    "batch_size": 8,
    "workers": 0,
    "device": "cpu",
    "model": MODEL,
    "contrast": {"queue": 8, "bn_groups": 2},
    "probe": {"proposals": 4, "group": 4},
    "log": {"every": 1},
}
FINETUNE = {
    "base": "finetune_laptop",
    "masks": True,
    "device": "cpu",
    "batch_size": 2,
    "short_sides": [64],
    "max_size": 64,
    "detector": {"proposals": 20, "proposals_per_level": 30, "sampled_boxes": 8},
}


@pytest.fixture
def tiny_recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of the recipes' names in the working folder go before the shipped ones; one process does it all."""
    for name, content in (("demo", PRETRAIN), ("demo_finetune", FINETUNE)):
        (tmp_path / name).write_text(yaml.safe_dump(content))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(import_module("codo.demo.demo"), "usable_cores", lambda: 1)
    torch.set_num_threads(1)


def written(out: Path) -> dict[str, bytes]:
    """What a finished demo must not change when it is started again."""
    names = ["*.pt", "metrics.jsonl", "result.json", "catalog.parquet"]
    return {str(path): path.read_bytes() for name in names for path in sorted(out.rglob(name))}


@pytest.mark.usefixtures("tiny_recipes")
def test_from_drawing_to_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert demo(out, scale=SCALE) == out / "report.html"
    told = capsys.readouterr().out
    for stage in ("1/4", "2/4", "3/4 1 times: pretraining on 20 unlabeled images", "4/4"):
        assert f"== {stage}" in told
    assert "CoDo, 100% of the labels, seed 0: box AP" in told
    assert "CoDo against Random weights:" in told
    weights = next(line.split()[1] for line in told.splitlines() if line.startswith("weights "))
    assert Path(weights).is_file()

    trials = {name: codo.open_run(out / f"comparison/trials/{name}/fraction-1/seed-0") for name in STARTS}
    pretrained = codo.open_run(out / "pretrain/CoDo/seed-0")
    few = {run.config["data"]["train"] for run in trials.values()}
    assert few == {str(out / "data/detection/annotations/instances_few.json")}
    assert trials["Random-weights"].config["weights"] == "none"
    assert trials["CoDo"].config["weights"] == str(pretrained.path)
    trunk = {
        key: value
        for key, value in pretrained.config["model"].items()
        if key in ModelSettings.model_fields.keys() - set(PRETRAINING_ONLY)
    }
    assert all(run.config["model"].items() >= trunk.items() for run in trials.values())

    page = Html((out / "report.html").read_text())
    page.check()
    assert "4 labeled images, 1 seeds of both" in page.text
    assert "CoDo against Random weights:" in page.text
    assert "Detections from each initialization" in page.text
    assert "Training views" in page.text

    before = written(out)
    assert len(before) > 5
    demo(out, scale=SCALE)
    assert written(out) == before
    assert "2 trials, 0 to run" in capsys.readouterr().out

    (out / "report.html").unlink()
    (out / "report.html").mkdir()  # a folder in its place: all else is still told
    demo(out, scale=SCALE)
    printed = capsys.readouterr()
    assert "WARNING the report could not be written" in printed.err
    assert "CoDo against Random weights:" in printed.out


def test_scales_are_those_that_the_time_was_measured_with() -> None:
    assert (FULL.pretrain_steps, FULL.finetune_steps, FULL.seeds) == (800, 350, 4)
    assert (QUICK.pretrain_steps, QUICK.finetune_steps, QUICK.seeds) == (40, 40, 3)


@pytest.mark.parametrize("flags", [[], ["--quick"], ["--seed", "3"]])
def test_the_command_passes_on_what_it_is_told(
    flags: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def record(out: str, **options: Any) -> None:
        asked.append((out, options))

    monkeypatch.setattr(import_module("codo.demo.demo"), "demo", record)
    assert main(["demo", "--out", str(tmp_path), *flags]) == 0
    assert asked == [(str(tmp_path), {"quick": "--quick" in flags, "seed": 3 if "--seed" in flags else 0})]
