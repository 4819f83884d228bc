from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from codo.core.errors import InputError
from codo.exporters.safetensors import Safetensors, read_safetensors
from codo.exporters.trunk import TrunkWeights


def test_round_trip(trunk: TrunkWeights, tmp_path: Path) -> None:
    Safetensors().write(trunk, tmp_path / "t.safetensors")
    read = read_safetensors(tmp_path / "t.safetensors")
    assert (read.model, read.method, read.step) == (trunk.model, trunk.method, trunk.step)
    assert read.tensors.keys() == trunk.tensors.keys()
    assert all(torch.equal(read.tensors[name], tensor) for name, tensor in trunk.tensors.items())


def test_metadata_says_everything_a_stranger_needs(trunk: TrunkWeights, tmp_path: Path) -> None:
    Safetensors().write(trunk, tmp_path / "t.safetensors")
    with safe_open(tmp_path / "t.safetensors", "pt") as file:
        metadata = file.metadata()
    assert json.loads(metadata["model"])["backbone"] == "resnet50"
    assert json.loads(metadata["normalization"])["mean"] == [0.485, 0.456, 0.406]
    assert (metadata["step"], metadata["method"]) == ("12", "codo")
    assert metadata["codo"]


def test_a_backbone_alone_comes_back_as_one(trunk: TrunkWeights, tmp_path: Path) -> None:
    alone = {name: tensor for name, tensor in trunk.tensors.items() if name.startswith("backbone.")}
    target, path = Safetensors(), tmp_path / "t.safetensors"
    target.write(replace(trunk, tensors=alone), path)
    read = read_safetensors(path)
    assert read.parts == ("backbone",)
    assert ".features(images) gives C2 to C5" in target.usage(read, path.name)  # its pyramid would be random
    assert ".features(images) gives P2 to P5" in target.usage(trunk, path.name)


def test_usage_runs(trunk: TrunkWeights, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Safetensors().write(trunk, Path("trunk.safetensors"))
    scope: dict[str, Any] = {}
    exec(Safetensors().usage(trunk, "trunk.safetensors"), scope)
    images = torch.randn(1, 3, 64, 64)
    for ours, right in zip(scope["trunk"].features(images), trunk.encoder().features(images), strict=True):
        assert torch.equal(ours, right)


def test_other_files_are_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    later = {"codo": "9.0", "model": '{"backbone": "resnet50", "depth": 3}'}
    save_file({"a": torch.zeros(1)}, tmp_path / "later.safetensors", later)
    with pytest.raises(InputError, match="cannot read the model settings") as caught:
        read_safetensors(tmp_path / "later.safetensors")
    assert caught.value.fix == "use the version that wrote it: CoDo 9.0"
    with pytest.raises(InputError, match="does not record its model"):
        read_safetensors(tmp_path / "foreign.safetensors")
    for name in ("text.safetensors", "absent.safetensors"):
        with pytest.raises(InputError, match="cannot read"):
            read_safetensors(tmp_path / name)
