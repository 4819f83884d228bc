"""The labeled probes of a trunk: what is read, what is scored, and that nothing changes by it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from codo.core.run import start_run
from codo.models.encoder import Encoder, ModelSettings
from codo.models.normalization import IMAGENET
from codo.probes.labeled import LabeledProbes
from codo.probes.probe_settings import LabeledProbeSettings, ProbeSettings
from tests.annotations.synthetic import coco, write
from tests.duplicates.pictures import jpeg, photograph, png, resized
from tests.preparation.catalogs import quick

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


def test_near_duplicates_of_the_pool_are_told_and_can_be_switched_off(tmp_path: Path) -> None:
    for split, number in (("train", 0), ("val", 10)):
        for shift, name in enumerate(("cat", "dog")):
            folder = tmp_path / "classes" / split / name
            folder.mkdir(parents=True)
            (folder / "a.png").write_bytes(png(photograph(number + shift)))
    pool = tmp_path / "pool"
    pool.mkdir()
    (pool / "copy.jpg").write_bytes(jpeg(resized(photograph(11), 0.5)))
    catalog = quick(pool, tmp_path / "catalog")
    run = start_run(tmp_path / "run", {"foregrounds": catalog.path}, "pretrain")
    run.unlock()
    given = {"image_folder": str(tmp_path / "classes")}
    (told,) = LabeledProbes.read(LabeledProbeSettings.model_validate(given), 32).warnings(str(run.path))
    assert told.startswith(
        "1 of 2 images that probes judge by is a near-duplicate (resized or encoded again) of one in"
    )
    assert "a.png is like copy.jpg" in told
    off = ProbeSettings.model_validate({**given, "near_duplicates": 0})
    assert LabeledProbes.read(off, 32).warnings(str(run.path)) == []
    few = ProbeSettings.model_validate({**given, "near_duplicates": 1})
    assert ": probe.near_duplicates=2 does" in LabeledProbes.read(few, 32).warnings(str(run.path))[0]
