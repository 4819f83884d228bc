from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from codo.exporters.card import card, sha256
from codo.exporters.one_stage import OneStage
from codo.exporters.origin import DataSource, Origin
from codo.exporters.target import Target
from codo.exporters.torchvision import Torchvision
from codo.exporters.trunk import TrunkWeights
from codo.exporters.verify import Verified
from codo.models.load_report import LoadReport

REPORT = LoadReport(
    matched=("backbone.body.conv1.weight",),
    missing=("rpn.head.weight", "roi_heads.box_head.5.weight"),
    unexpected=(),
    mismatched={},
    components={"backbone": "backbone.body.", "box_head": "roi_heads.box_head.", "rpn": "rpn."},
)
VERIFIED = Verified(REPORT, "It was built.", ("C5", "P5"))
ORIGIN = Origin(
    run="mine",
    sources=(
        DataSource("photos", ("foregrounds",), 1234, 56789, "ab" * 16),
        DataSource("gone", ("key backgrounds",)),
    ),
    samples=1_000_000,
    seed=7,
    config="seed: 7\noptim: {lr: 0.06}\n",
    versions={"python": "3.11", "torch": "2.15"},
    started="2026-11-27T08:00:00",
    hardware="one H100",
    metrics={
        "loss": 27.12345,
        "invariance": 0.5,
        "invariance_chance": 0.067,
        "probe/roi/knn": 0.4,
        "probe/roi/chance": 0.1,
    },
)


def page(trunk: TrunkWeights, target: Target | None = None, origin: Origin | None = ORIGIN) -> str:
    return card(trunk, target or Torchvision(), "w.pth", VERIFIED, "f00d", origin)


def test_data_recipe_seed_versions_hashes_and_metrics(trunk: TrunkWeights) -> None:
    text = page(trunk)
    for part in (
        "# w.pth",
        "Backbone, FPN and box head (resnet50 of width 0.125, 32 channels, 2conv1fc)",
        "method `codo` for 12 steps",
        "| photos | foregrounds | 1,234 | 56,789 | `" + "ab" * 16,
        "| gone | key backgrounds | catalog has moved or been deleted",
        "run: `mine`, started 2026-11-27T08:00:00 on one H100, seed 7",
        "1,000,000 samples",
        "last loss: 27.12",
        "last background-invariance score: 0.500 (chance 0.067)",
        "last `probe/roi/knn`: 0.400 (chance 0.100)",
        "python 3.11, torch 2.15",
        "optim: {lr: 0.06}",
        "f00d",
    ):
        assert part in text
    assert "probe/roi/chance" not in text
    assert "momentum encoder" not in text


def test_what_matched_what_stays_random_and_how_that_is_known(trunk: TrunkWeights) -> None:
    text = page(trunk)
    assert REPORT.table() in text
    assert "- `rpn` (1 tensors): it learns to localize objects from labeled boxes" in text
    assert "It was built. On a fixed input its C5, P5 equal those of the pretrained encoder to 1e-05" in text
    assert "left out or changed" not in text


def test_parts_that_the_method_does_not_pretrain_are_blamed_on_it(trunk: TrunkWeights) -> None:
    backbone = {name: t for name, t in trunk.tensors.items() if name.startswith("backbone.")}
    text = page(replace(trunk, tensors=backbone, method="moco_v2"))
    assert "Backbone (resnet50 of width 0.125), pretrained by method `moco_v2`" in text
    assert "- `box_head` (1 tensors): method `moco_v2` does not pretrain it" in text


def test_what_a_target_cannot_take_is_named(trunk: TrunkWeights) -> None:
    text = page(trunk, OneStage("fcos"))
    assert "left out or changed" in text
    assert "- box_head: one-stage detectors have none" in text


def test_without_a_run_there_is_no_origin_and_the_key_encoder_says_so(trunk: TrunkWeights) -> None:
    text = page(replace(trunk, network="key"), origin=None)
    assert "Where it comes from" not in text
    assert "(of the momentum encoder, not the trained one)" in text


@pytest.mark.parametrize("size", [0, 3_000_000])
def test_sha256_is_that_of_the_file(size: int, tmp_path: Path) -> None:
    content = bytes(range(256)) * (size // 256)
    (tmp_path / "f").write_bytes(content)
    assert sha256(tmp_path / "f") == hashlib.sha256(content).hexdigest()
