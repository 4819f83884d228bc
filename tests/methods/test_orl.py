"""ORL against a plain computation of its loss, and how its pairs are found once and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import codo
from codo.contrast.infonce import ContrastSettings
from codo.core.errors import CodoError, InputError
from codo.loading.correspondence import find_pairs
from codo.loading.crop_dataset import CropBatch
from codo.loading.object_pairs import ObjectPairs
from codo.methods.base import Setup
from codo.methods.orl import ORL, ORLOptions
from codo.models.encoder import ModelSettings
from codo.models.image_encoder import ImageEncoder
from tests.training import tiny

MODEL = ModelSettings(backbone="resnet18", width=0.125, embedding_dim=12)
B = 4


def build(**options: Any) -> Any:
    torch.manual_seed(0)
    own = ORLOptions.model_validate({"hidden": 16, "compared": 3, "neighbors": 2, "top": 0.7, **options})
    return ORL(Setup(MODEL, ContrastSettings(momentum=0.9), own, batch_size=B)).train()


def batch() -> CropBatch:
    generator = torch.Generator().manual_seed(0)
    sides = (64, 64, 32, 32, 32, 32)
    views = [torch.randint(0, 256, (B, side, side, 3), dtype=torch.uint8, generator=generator) for side in sides]
    return CropBatch(tuple(views), torch.full((B,), -1), 0)


def test_the_loss_by_hand() -> None:
    method, data = build(image_weight=0.5, inter_weight=2.0), batch()
    views, expected = method.views(data), 0.0
    predictors = (method.predictor, method.intra, method.inter)
    for weight, predictor, (a, b) in zip((0.5, 1.0, 2.0), predictors, (views[:2], views[2:4], views[4:]), strict=True):
        for online, other in ((a, b), (b, a)):
            p, t = predictor(method.encoder.project(online)), method.target.project(other)
            expected += weight * (2 - 2 * F.cosine_similarity(p, t)).mean().item()
    output = method(data)
    assert output.loss.item() == pytest.approx(expected, rel=1e-4)
    assert set(output.stats) == {"loss", "term/image", "term/intra", "term/inter"}
    output.loss.backward()
    assert all(p.grad is None and not p.requires_grad for p in method.target.parameters())
    trained = [p for module in (method.encoder, *predictors) for p in module.parameters()]
    assert all(p.grad is not None for p in trained)


def test_the_search_is_done_once_and_kept(object_pairs: ObjectPairs, tmp_path: Path) -> None:
    method = build()
    before = {name: value.clone() for name, value in method.state_dict().items()}
    assert "options.weights=none" in method.prepare_data(object_pairs, tmp_path, 0)
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())  # statistics too
    assert method.encoder.training
    first = object_pairs.pairs
    assert first is not None
    object_pairs.pairs = None
    with torch.no_grad():
        method.encoder.backbone.conv1.weight.add_(torch.randn_like(method.encoder.backbone.conv1.weight))
    assert method.prepare_data(object_pairs, tmp_path, 7) == ""  # trained since: the pairs stay
    assert object_pairs.pairs is not None
    assert np.array_equal(object_pairs.pairs.own, first.own)
    (tmp_path / "pairs.npz").rename(tmp_path / "elsewhere.npz")
    with pytest.raises(CodoError, match="the pairs of the run cannot be read"):
        method.prepare_data(object_pairs, tmp_path, 7)
    (tmp_path / "elsewhere.npz").rename(tmp_path / "pairs.npz")
    first._replace(images=first.images[:5]).write(tmp_path / "pairs.npz")
    with pytest.raises(CodoError, match="the pairs are of 5 images, there are 24"):
        method.prepare_data(object_pairs, tmp_path, 7)


def test_another_network_can_find_them(object_pairs: ObjectPairs, tmp_path: Path) -> None:
    torch.manual_seed(5)
    other = ImageEncoder(MODEL, lambda channels: nn.Identity()).eval()
    torch.save({f"backbone.{name}": value for name, value in other.backbone.state_dict().items()}, tmp_path / "w.pth")
    method = build(weights=str(tmp_path / "w.pth"))
    rng = torch.get_rng_state()
    assert "w.pth" in method.prepare_data(object_pairs, tmp_path, 0)
    assert torch.equal(torch.get_rng_state(), rng)

    def features(images: Tensor) -> Tensor:
        with torch.no_grad():
            return other.pool(method.pixels(images))

    expected = find_pairs(features, object_pairs, neighbors=2, top=0.7)
    assert object_pairs.pairs is not None
    assert all(np.array_equal(one, two) for one, two in zip(object_pairs.pairs, expected, strict=True))
    own = build()
    (tmp_path / "own").mkdir()
    own.prepare_data(object_pairs, tmp_path / "own", 0)
    assert not np.array_equal(object_pairs.pairs.own, expected.own)


def test_weights_that_are_not_there_are_told_before_anything_is_written(catalog: Path, tmp_path: Path) -> None:
    given = tiny.settings(catalog, tmp_path / "run", method="orl", probe=None, canvas=32, steps=1)
    del given["backgrounds"]
    with pytest.raises(InputError, match="no such weight file"):
        codo.pretrain(**given, **{"options.weights": "nowhere.pth"})
    assert not (tmp_path / "run").exists()


def test_weights_are_read_only_while_the_pairs_are_to_be_found(tmp_path: Path) -> None:
    """So that a run goes on where the network of the first stage is gone; without its pairs it says so itself."""
    method = build(weights=str(tmp_path / "gone.pth"))
    with pytest.raises(InputError, match="no such weight file"):
        method.check_sources(tmp_path, 0)
    method.check_sources(tmp_path, 7)
    (tmp_path / "pairs.npz").touch()
    method.check_sources(tmp_path, 0)


def test_a_run_with_its_pairs_goes_on_without_the_weights(
    catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codo.reporting.report.write_report", lambda run: None)
    backbone, weights = build().encoder.backbone, tmp_path / "w.pth"
    torch.save({f"backbone.{name}": value for name, value in backbone.state_dict().items()}, weights)
    given = tiny.settings(catalog, tmp_path / "run", method="orl", probe=None, canvas=32, steps=2, checkpoint_every=1)
    own = {"hidden": 16, "compared": 3, "neighbors": 2, "patch_side": 32, "weights": str(weights)}
    del given["backgrounds"], given["contrast"]
    with tiny.stopped_after(1, monkeypatch):
        codo.pretrain(**given, options=own)
    weights.unlink()
    assert tiny.final_state(codo.pretrain(**given, options=own).path)["step"] == 2
