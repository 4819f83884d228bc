"""Pretrained, exported, taken up again: a run finetunes to the same losses through every export as directly."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import codo
from codo.core.run import Run
from codo.detection.detector import Detector, DetectorSettings
from codo.detection.finetune import finetune
from codo.detection.load_pretrained import architecture, load_weights
from codo.exporters.target import DetectorName
from codo.exporters.trunk import read_trunk
from codo.exporters.write import TARGETS, export
from codo.models.encoder import ModelSettings
from tests.annotations.synthetic import TINY, coco, write
from tests.training import tiny

# RetinaNet and FCOS take multiples of 32 channels, Detectron2 a ResNet-50 of any width but no narrow ResNet-18.
SLIM = {**tiny.MODEL, "backbone": "resnet50", "fpn_channels": 32}
MODEL = ModelSettings.model_validate(SLIM)

WHOLE = [name for name in TARGETS if name not in ("timm", "resnet")]
"""Targets that take backbone, pyramid and box head; the others take the backbone alone."""


@pytest.fixture(scope="module", autouse=True)
def without_reports() -> Iterator[None]:
    """They take most of the time of runs this short, and nothing here looks at them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("codo.reporting.report.write_report", lambda run: run)
        yield


@pytest.fixture(scope="module")
def pretrained(catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("round_trip") / "run"
    return codo.pretrain(**tiny.settings(catalog, out, model=SLIM, probe=None))


@pytest.fixture(scope="module")
def data(pretrained: Run) -> Path:
    folder = pretrained.path.parent / "data"
    for split in ("train", "val"):
        write(folder, *coco(2), split)
    return folder


@pytest.fixture(scope="module")
def backbone_alone(pretrained: Run) -> Path:
    """The run's backbone, without any export: what the exports of a backbone are held against."""
    tensors = read_trunk(pretrained).tensors.items()
    path = pretrained.path.parent / "backbone.pth"
    torch.save({n.removeprefix("backbone."): t for n, t in tensors if n.startswith("backbone.")}, path)
    return path


@cache
def loaded(weights: Path) -> dict[str, Tensor]:
    torch.manual_seed(1)
    detector = Detector(MODEL, DetectorSettings(**TINY["detector"]), classes=2, masks=True)
    load_weights(detector, str(weights), MODEL)
    return detector.state_dict()


def course(weights: Path, data: Path, out: Path) -> list[tuple[float, float]]:
    """Loss and norm of the gradient of every step."""
    settings: dict[str, Any] = {
        "steps": 3,
        "batch_size": 2,
        "short_sides": [64],
        "workers": 0,
        "seed": 5,
        "masks": False,
    }
    settings |= {"optim.lr": 0.02, "optim.lr_scaling": "none", "optim.warmup_steps": 1}
    settings |= {"log.every": 1, "log.progress": False, "model": SLIM, "detector": TINY["detector"]}
    run = finetune(None, data=str(data), weights=str(weights), out=str(out), **settings)
    return [(row["loss"], row["grad_norm"]) for row in run.metrics() if "loss" in row]


@pytest.fixture(scope="module")
def direct(pretrained: Run, data: Path) -> list[tuple[float, float]]:
    """The course from the run itself."""
    found = course(pretrained.path, data, pretrained.path.parent / "direct")
    assert len(found) == len(set(found)) == 3
    return found


@pytest.fixture(scope="module")
def of_the_backbone(backbone_alone: Path, data: Path) -> list[tuple[float, float]]:
    """The course from the backbone alone."""
    return course(backbone_alone, data, backbone_alone.parent / "alone")


@pytest.mark.parametrize("target", WHOLE)
def test_a_whole_trunk_takes_the_same_course(
    target: str, pretrained: Run, direct: list[tuple[float, float]], data: Path, tmp_path: Path
) -> None:
    """Exactly: the file has the run's very numbers, and everything else is drawn from the same seed."""
    path = export(pretrained, target)
    expected, through = loaded(pretrained.path), loaded(path)
    assert all(torch.equal(expected[name], through[name]) for name in expected if "num_batches" not in name)
    assert course(path, data, tmp_path / "run") == direct


@pytest.mark.parametrize("target", ["safetensors", "hub"])
def test_our_own_files_bring_the_settings_of_their_trunk(target: str, pretrained: Run) -> None:
    assert architecture(str(export(pretrained, target)), ModelSettings(), {}) == MODEL.normalized_for("none")


BACKBONES: list[tuple[str, DetectorName]] = [
    ("resnet", "mask_rcnn"),
    ("timm", "mask_rcnn"),
    ("torchvision", "retinanet"),
    ("torchvision", "fcos"),
]


@pytest.mark.parametrize(("target", "model"), BACKBONES)
def test_a_backbone_takes_the_same_course(
    target: str,
    model: DetectorName,
    pretrained: Run,
    backbone_alone: Path,
    of_the_backbone: list[tuple[float, float]],
    data: Path,
    tmp_path: Path,
) -> None:
    """Pyramid and box head stay random; RetinaNet and FCOS have a pyramid, but from P3 on, and no box head."""
    path = export(pretrained, target, model=model)
    whole, alone, through = loaded(pretrained.path), loaded(backbone_alone), loaded(path)
    assert all(torch.equal(alone[name], through[name]) for name in alone if "num_batches" not in name)
    pyramid = "detector.backbone.fpn.layer_blocks.0.0.weight"
    assert not torch.equal(whole[pyramid], through[pyramid])
    assert course(path, data, tmp_path / "through") == of_the_backbone
