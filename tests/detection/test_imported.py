"""A trunk that went through a file of another library is the trunk it was, and learns as it would have."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from codo.core.config import resolve
from codo.core.run import Run, start_run
from codo.detection.detector import Detector, DetectorSettings
from codo.detection.finetune import finetune
from codo.detection.load_pretrained import architecture, load_weights
from codo.exporters.trunk import read_trunk
from codo.exporters.write import export
from codo.methods.registry import build_method
from codo.models.encoder import ModelSettings
from codo.models.key_maps import LAYOUTS
from codo.training import checkpoint
from codo.training.pretrain_settings import PretrainSettings, method_setup
from tests.annotations.synthetic import TINY, coco, write

MODEL = ModelSettings(**TINY["model"])
COUNTER = "num_batches_tracked"


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A pretraining run whose encoders differ, with statistics that are not those of a new network."""
    out = tmp_path_factory.mktemp("imported") / "run"
    given = {"foregrounds": "a", "backgrounds": ["a"], "out": str(out), "steps": 1, "model": TINY["model"]}
    settings = resolve(PretrainSettings, None, {**given, "contrast.queue": 8, "contrast.bn_groups": 0})
    method = build_method("codo", method_setup(settings))
    generator = torch.Generator().manual_seed(3)
    state = {
        name: tensor + torch.rand(tensor.shape, generator=generator) / 50 if tensor.is_floating_point() else tensor
        for name, tensor in method.state_dict().items()
    }
    run = start_run(out, settings.model_dump(mode="json"), "pretrain")
    checkpoint.save(run, 1, {"method": state}, keep=1)
    run.unlock()
    return run


def named(run: Run, layout: str) -> dict[str, Tensor]:
    tensors = read_trunk(run).tensors.items()
    return {theirs: tensor for name, tensor in tensors if (theirs := LAYOUTS[layout].foreign(name)) is not None}


def write_detectron2(run: Run, path: Path) -> None:
    arrays = {name: tensor.numpy() for name, tensor in named(run, "detectron2").items()}
    path.write_bytes(pickle.dumps({"model": arrays, "__author__": "test", "matching_heuristics": True}))


def write_mmdet(run: Run, path: Path) -> None:
    torch.save({"meta": {"epoch": 1}, "state_dict": named(run, "mmdet")}, path)


WRITE: dict[str, Callable[[Run, Path], Any]] = {
    "trunk.safetensors": lambda run, path: export(run, "safetensors", path),
    "torchvision.pth": lambda run, path: export(run, "torchvision", path),
    "detectron2.pkl": write_detectron2,
    "mmdet.pth": write_mmdet,
}


@pytest.fixture(scope="module")
def files(pretrained: Run) -> dict[str, Path]:
    paths = {name: pretrained.path.parent / name for name in WRITE}
    for name, path in paths.items():
        WRITE[name](pretrained, path)
    return paths


def trunk(weights: str) -> dict[str, Tensor]:
    """The trunk of a detector that starts from weights, and the detector's other parts untouched by them."""
    torch.manual_seed(1)
    detector = Detector(MODEL, DetectorSettings(**TINY["detector"]), classes=2, masks=True)
    load_weights(detector, weights, MODEL)
    return {name: tensor for name, tensor in detector.state_dict().items() if not name.endswith(COUNTER)}


@pytest.mark.parametrize("name", WRITE)
def test_a_detector_starts_from_the_same_tensors(name: str, pretrained: Run, files: dict[str, Path]) -> None:
    direct, through = trunk(str(pretrained.path)), trunk(str(files[name]))
    assert direct.keys() == through.keys()
    assert all(torch.equal(direct[key], through[key]) for key in direct)
    assert not all(torch.equal(direct[key], random) for key, random in trunk("none").items())


def test_a_resnet_brings_the_same_backbone(pretrained: Run, tmp_path: Path) -> None:
    torch.save(named(pretrained, "resnet"), tmp_path / "resnet18.pth")
    direct, through, random = (trunk(w) for w in (str(pretrained.path), str(tmp_path / "resnet18.pth"), "none"))
    for key in direct:
        expected = direct if "backbone.body." in key else random
        assert torch.equal(through[key], expected[key]), key


def curve(data: Path, weights: Path, out: Path) -> list[float]:
    run = finetune(
        None,
        data=str(data),
        out=str(out),
        weights=str(weights),
        steps=3,
        batch_size=2,
        short_sides=[64],
        workers=0,
        seed=5,
        **TINY,
        **{"optim.lr": 0.02, "optim.warmup_steps": 1, "log.every": 1, "log.progress": False, "masks": False},
    )
    return [row["loss"] for row in run.metrics() if "loss" in row]


def test_finetuning_takes_the_same_course(pretrained: Run, files: dict[str, Path], tmp_path: Path) -> None:
    for split in ("train", "val"):
        write(tmp_path / "data", *coco(2), split)
    direct = curve(tmp_path / "data", pretrained.path, tmp_path / "direct")
    assert len(direct) == 3
    assert len(set(direct)) == 3
    for name, path in files.items():
        assert curve(tmp_path / "data", path, tmp_path / f"from_{name}") == direct


def test_our_files_say_what_trunk_they_hold(pretrained: Run, files: dict[str, Path]) -> None:
    """So finetuning from one needs no model settings, as from a run."""
    recipe = ModelSettings(backbone="resnet50")
    assert architecture(str(files["trunk.safetensors"]), recipe, {}) == MODEL.normalized_for("none")
    assert architecture(str(files["torchvision.pth"]), recipe, {}) == recipe
