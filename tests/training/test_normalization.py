"""A run with its start's own normalization: recorded, said, used by every reader of the run; older runs go on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import yaml

import codo
from codo.core.run import Run
from codo.detection.finetune import resolve_settings
from codo.methods.registry import build_method
from codo.models.normalization import IMAGENET, Normalization
from codo.training.load_run import load_method
from codo.training.pretrain_settings import method_setup
from codo.training.pretrain_task import prepare_pretrain_task
from tests.training import tiny
from tests.training.test_pretrain_task import given

HALF = Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
MODEL = {"backbone": "timm:test_convnext", "fpn_channels": 16, "head": "1conv1fc", "head_dim": 32}


@pytest.fixture(scope="module")
def arguments(catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A run from weights of timm, of three steps."""
    folder = tmp_path_factory.mktemp("normalization")
    torch.manual_seed(0)
    torch.save(timm.create_model("test_convnext").state_dict(), folder / "weights.pth")
    model = {**MODEL, "init": str(folder / "weights.pth")}
    return tiny.settings(catalog, folder / "run", model=model, steps=3, probe=None, checkpoint_every=1)


@pytest.fixture(scope="module")
def run(arguments: dict[str, Any]) -> Run:
    return codo.pretrain(**arguments)


def test_the_run_records_and_uses_it_and_says_so_once(run: Run) -> None:
    assert (run.config["model"]["mean"], run.config["model"]["std"]) == ([0.5] * 3, [0.5] * 3)
    log = (run.path / "train.log").read_text()
    assert log.count("standard deviation 0.5, 0.5, 0.5: timm's for test_convnext") == 1
    method, _, _ = load_method(run)
    assert method.normalization == HALF
    assert method.pixels(torch.full((1, 1, 1, 3), 255, dtype=torch.uint8)).flatten().tolist() == [1, 1, 1]
    trunk = codo.load_trunk(run)
    assert (trunk.mean, trunk.std) == (HALF.mean, HALF.std)
    assert trunk.normalize(torch.zeros(1, 3, 1, 1, dtype=torch.uint8)).flatten().tolist() == [-1, -1, -1]


def test_detectors_from_the_run_and_its_exports_have_it(run: Run, tmp_path: Path) -> None:
    files = [run.path, codo.export(run, to="safetensors"), codo.export(run, to="hub")]
    for weights in files:
        model = resolve_settings(None, {"data": "d", "weights": str(weights), "out": str(tmp_path / "out")}).model
        assert model.normalization == HALF
    bare = {"data": "d", "weights": "none", "out": str(tmp_path / "out"), "model.backbone": "timm:test_convnext"}
    assert resolve_settings(None, bare).model.mean == IMAGENET.mean  # recorded in words


def test_a_run_from_before_goes_on_with_imagenets(run: Run, arguments: dict[str, Any], tmp_path: Path) -> None:
    """As if its last step had not been done, and its settings written by an older version."""
    old = tmp_path / "old"
    shutil.copytree(run.path, old)
    config = {**run.config, "out": str(old)}
    del config["model"]["mean"], config["model"]["std"]
    (old / "config.yaml").write_text(yaml.safe_dump(config))
    Run(old).checkpoints()[-1].unlink()
    (old / "checkpoints/last").write_text(Run(old).checkpoints()[-1].name)
    assert load_method(old)[0].normalization == IMAGENET
    again = codo.pretrain(**{**arguments, "out": str(old)})
    assert again.config["model"]["mean"] == list(IMAGENET.mean)
    assert "resumed from step 2" in (old / "train.log").read_text()


@pytest.mark.parametrize("name", ["codo", "moco", "simclr", "densecl", "supervised"])
def test_every_method_uses_it(name: str, catalog: Path) -> None:
    changes = {"model": {**MODEL, "mean": [0.5] * 3, "std": [0.5] * 3}}
    settings = given(catalog, method=name, backgrounds=[str(catalog)] if name == "codo" else None, **changes)
    assert build_method(name, method_setup(settings, classes=2)).normalization == HALF


def test_the_settings_of_a_command_win(catalog: Path) -> None:
    mean = [0.2, 0.3, 0.4]
    task = prepare_pretrain_task(given(catalog, model={**tiny.MODEL, "mean": mean}))
    assert task.settings.model.normalization == Normalization((0.2, 0.3, 0.4), IMAGENET.std)
    assert any("mean 0.2, 0.3, 0.4" in note for note in task.notes())
