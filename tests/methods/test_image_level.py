"""Losses of image-level methods against plain computations, and what each promises."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from codo.contrast.infonce import ContrastSettings
from codo.loading.crop_dataset import CropBatch
from codo.methods.barlow_twins import BarlowTwins
from codo.methods.base import Method, Setup
from codo.methods.byol import BYOL
from codo.methods.registry import find_method
from codo.methods.simclr import SimCLR
from codo.methods.simsiam import SimSiam
from codo.methods.supervised import Supervised
from codo.methods.swav import SwAV
from codo.models.encoder import ModelSettings

MODEL = ModelSettings(backbone="resnet18", width=0.125, embedding_dim=12)
B, S = 6, 32


def build(cls: type[Method], classes: int = 0, steps: int = 100, contrast: Any = None, **options: Any) -> Any:
    torch.manual_seed(0)
    settings = ContrastSettings.model_validate({"temperature": 0.1, "momentum": 0.9, **(contrast or {})})
    own = cls.Options.model_validate(options)
    return cls(Setup(MODEL, settings, own, batch_size=B, steps=steps, classes=classes)).train()


def batch(views: int = 2, sides: tuple[int, ...] = (), seed: int = 0, step: int = 0) -> CropBatch:
    generator = torch.Generator().manual_seed(seed)
    made = tuple(
        torch.randint(0, 256, (B, side, side, 3), dtype=torch.uint8, generator=generator)
        for side in (sides or (S,) * views)
    )
    return CropBatch(made, torch.arange(B) % 3, step)


def projections(method: Any, data: CropBatch) -> list[Tensor]:
    return [method.encoder.project(view) for view in method.views(data)]


def test_simclr_is_nt_xent_and_symmetric() -> None:
    method, data = build(SimCLR), batch()
    a, b = (F.normalize(z, dim=1) for z in projections(method, data))
    both = torch.cat([a, b])
    similarity = both @ both.T / 0.1
    similarity.fill_diagonal_(-torch.inf)
    partner = torch.arange(2 * B).roll(B)
    expected = F.cross_entropy(similarity, partner)
    assert method(data).loss.item() == pytest.approx(expected.item(), rel=1e-5)
    swapped = data._replace(views=data.views[::-1])
    assert method(swapped).loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_barlow_twins_by_hand_and_zero_at_the_identity() -> None:
    method, data = build(BarlowTwins, hidden=16), batch()
    a, b = ((z - z.mean(0)) / z.std(0, correction=0) for z in projections(method, data))
    c = a.T @ b / B
    off = c.square().sum() - c.diagonal().square().sum()
    expected = (1 - c.diagonal()).square().sum() + 0.0051 * off
    assert method(data).loss.item() == pytest.approx(expected.item(), rel=1e-3)
    independent = torch.tensor([[1.0, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])[:, 1:]
    assert method.criterion(independent, independent).item() == pytest.approx(0, abs=1e-6)


def test_byol_by_hand_and_no_gradient_reaches_the_target() -> None:
    method, data = build(BYOL, hidden=16), batch()
    first, second = method.views(data)
    expected = 0.0
    for online, other in ((first, second), (second, first)):
        p = F.normalize(method.predictor(method.encoder.project(online)), dim=1)
        t = F.normalize(method.target.project(other), dim=1)
        expected += (2 - 2 * (p * t).sum(1)).mean().item()
    output = method(data)
    assert output.loss.item() == pytest.approx(expected, rel=1e-4)
    output.loss.backward()
    assert all(p.grad is None and not p.requires_grad for p in method.target.parameters())
    assert all(p.grad is not None for p in method.encoder.parameters())


def test_byol_s_target_follows_at_a_rising_momentum() -> None:
    method = build(BYOL, contrast={"momentum": 0.8, "momentum_end": 1.0}, hidden=16)
    for step, kept in ((0, 0.8), (50, 0.9), (100, 1.0)):
        method(batch(step=step))
        with torch.no_grad():
            method.encoder.backbone.conv1.weight.add_(1.0)
        before = method.target.backbone.conv1.weight.clone()
        online = method.encoder.backbone.conv1.weight
        method.on_step_end()
        assert torch.allclose(method.target.backbone.conv1.weight, kept * before + (1 - kept) * online, atol=1e-5)


def test_simsiam_by_hand_and_the_other_side_gets_no_gradient() -> None:
    method, data = build(SimSiam, hidden=16, bottleneck=4), batch()
    a, b = projections(method, data)
    terms = [F.cosine_similarity(method.predictor(x), y.detach()).mean() for x, y in ((a, b), (b, a))]
    assert method(data).loss.item() == pytest.approx(-(terms[0] + terms[1]).item() / 2, rel=1e-4)
    # With the predictor cut off from the encoder nothing is left that could reach it.
    method.predictor.register_forward_pre_hook(lambda _, inputs: (inputs[0].detach(),))
    loss = method(data).loss
    assert torch.autograd.grad(loss, list(method.encoder.parameters()), allow_unused=True) == (None,) * len(
        list(method.encoder.parameters())
    )
    assert method.constant_lr_modules() == [method.predictor]
    assert build(SimSiam, fixed_predictor_rate=False).constant_lr_modules() == []


def test_swav_s_assignments_are_doubly_stochastic() -> None:
    from lightly.loss.swav_loss import sinkhorn

    scores = torch.randn(32, 8, generator=torch.Generator().manual_seed(0))
    q = sinkhorn(scores, iterations=50, epsilon=0.05)  # (samples, prototypes)
    assert torch.allclose(q.sum(dim=1), torch.ones(32), atol=1e-5)
    assert torch.allclose(q.sum(dim=0), torch.full((8,), 32 / 8), rtol=0.02)


def swav_by_hand(method: Any, data: CropBatch) -> float:
    """Each large view's assignment predicted by every other view."""
    prototypes = F.normalize(method.prototypes.weight, dim=1)
    scores = [F.normalize(z, dim=1) @ prototypes.T for z in projections(method, data)]
    total, terms = 0.0, 0
    for i in range(2):
        q = (scores[i].detach() / 0.05).exp()
        for _ in range(3):
            q = q / q.sum(0, keepdim=True) / q.shape[1]
            q = q / q.sum(1, keepdim=True) / q.shape[0]
        q = q / q.sum(1, keepdim=True)
        for j, other in enumerate(scores):
            if j != i:
                total -= (q * F.log_softmax(other / 0.1, dim=1)).sum(1).mean().item()
                terms += 1
    return total / terms


def test_swav_by_hand_and_prototypes_wait() -> None:
    method = build(SwAV, prototypes=5, hidden=16, small_views=2, frozen_steps=3)
    data = batch(sides=(S, S, 32, 32))
    assert method(data).loss.item() == pytest.approx(swav_by_hand(method, data), rel=1e-3)
    for step, moves in ((2, False), (3, True)):
        method.zero_grad()
        method(data._replace(step=step)).loss.backward()
        assert bool(method.prototypes.weight.grad.abs().sum() > 0) == moves


def test_swav_s_queue_joins_when_it_is_full() -> None:
    method = build(SwAV, prototypes=5, hidden=16, small_views=0, queue=8, queue_from=0.02, steps=100)
    joined = []
    for step in range(4):
        method(batch(seed=step, step=step))
        joined.append(method._past() is not None)
        method.on_step_end()
    assert joined == [False, False, True, True]  # from step 2 of 100 on; 12 embeddings have passed by then
    assert torch.equal(method.bank[:, :B], method._large)


def test_supervised_is_cross_entropy() -> None:
    method, data = build(Supervised, classes=3), batch(1)
    scores = method.encoder.projection(method.encoder.backbone(method.pixels(data.views[0]))[-1].mean(dim=(2, 3)))
    assert method(data).loss.item() == pytest.approx(F.cross_entropy(scores, data.labels).item(), rel=1e-5)


@pytest.mark.parametrize("name", ["simclr", "byol", "swav", "barlow_twins", "simsiam", "supervised"])
def test_only_the_backbone_is_exported_and_boxes_are_embedded(name: str) -> None:
    method = build(find_method(name), classes=3).eval()
    assert method.exports().keys() == {"backbone"}
    images = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    boxes = torch.tensor([[0.0, 0, 64, 64], [0, 0, 32, 64]])
    with torch.no_grad():
        maps = method.encoder.backbone(method.pixels(images))[-1]  # 2 x 2
        found = method.embed_boxes(images, boxes)
    assert torch.allclose(found[0], maps[0].mean(dim=(1, 2)), atol=1e-5)
    assert not torch.allclose(found[1], maps[1].mean(dim=(1, 2)), atol=1e-3)
