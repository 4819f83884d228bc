"""The labeled probes of a trunk: what is read, what is scored, and that nothing changes by it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from codo.models.encoder import Encoder, ModelSettings
from codo.models.normalization import IMAGENET
from codo.probes.labeled import LabeledProbes
from codo.probes.probe_settings import LabeledProbeSettings
from tests.annotations.synthetic import coco, write

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def probes(tmp_path_factory: pytest.TempPathFactory) -> LabeledProbes:
    folder = tmp_path_factory.mktemp("labeled")
    write(folder, *coco(6), "train")
    write(folder, *coco(4, seed=1), "val")
    return LabeledProbes.read(LabeledProbeSettings.model_validate({"data": str(folder), "boxes": 12}), 32)


def parts() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    model = ModelSettings(backbone="resnet18", width=0.125, fpn_channels=8, head="1conv1fc", head_dim=16)
    encoder = Encoder(model).eval()
    return {part: encoder.get_submodule(part) for part in ("backbone", "fpn", "box_head")}


def test_every_part_is_scored_and_nothing_changes(probes: LabeledProbes) -> None:
    made = parts()
    before = {f"{part}.{n}": v.clone() for part, module in made.items() for n, v in module.state_dict().items()}
    state = torch.get_rng_state()
    scores = probes.scores(made, CPU, IMAGENET, untrained=made)
    names = {f"probe/roi/{part}{kind}" for part in ("backbone/", "fpn/", "box_head/", "") for kind in ("knn", "linear")}
    assert scores.keys() == names | {"probe/roi/chance"}
    assert all(0 <= value <= 1 for value in scores.values())
    assert scores == probes.scores(made, CPU, IMAGENET, untrained=made)
    assert torch.equal(torch.get_rng_state(), state)
    for part, module in made.items():
        assert all(torch.equal(value, before[f"{part}.{name}"]) for name, value in module.state_dict().items())


def test_nothing_is_read_where_nothing_is_named(tmp_path: Path) -> None:
    none = LabeledProbes.read(LabeledProbeSettings(), 32)
    assert none.sets == ()
    assert none.scores(parts(), CPU, IMAGENET) == {}
    assert none.warnings(str(tmp_path)) == []
