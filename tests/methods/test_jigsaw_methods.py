"""InfoMin and DetCo against computations with loops: losses, what is queued, which parts learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from codo.contrast.bn_groups import permutation
from codo.contrast.infonce import ContrastSettings
from codo.loading.jigsaw_dataset import JigsawBatch
from codo.loading.step_dataset import ViewBatch
from codo.methods.base import Method, Setup
from codo.methods.detco import DetCo
from codo.methods.infomin import InfoMin
from codo.models.encoder import ModelSettings

MODEL = ModelSettings(backbone="resnet18", width=0.125, embedding_dim=8)
B, S, P, K, T = 4, 32, 32, 10, 0.15


def method(cls: type[Method], **options: object) -> Any:
    torch.manual_seed(0)
    contrast = ContrastSettings(queue=K, temperature=T, momentum=0.9, bn_groups=2)
    return cls(Setup(MODEL, contrast, cls.Options.model_validate(options), batch_size=B)).double().train()


def batch(views: int = 2, keys: bool = True) -> JigsawBatch:
    rng = np.random.default_rng(0)
    whole = rng.integers(0, 256, (views, B, S, S, 3), dtype=np.uint8)
    jigsaws = rng.integers(0, 256, (views, B, 9, P, P, 3), dtype=np.uint8)
    order = permutation(0, 0, B)
    box = torch.tensor([[0.0, 0, S, S]]).expand(views, B, 4)
    query, shuffled = torch.from_numpy(whole[0]), torch.from_numpy(whole[1:, order])
    pair = ViewBatch(query, box[0], shuffled, box[1:], torch.from_numpy(order), 0)
    of_keys = torch.from_numpy(jigsaws[1:, order]) if keys else torch.empty(0)
    return JigsawBatch(pair, torch.from_numpy(jigsaws[0]), of_keys, 0)


def pooled(ours: Any, encoder: Any, images: Tensor) -> list[Tensor]:
    """The mean of all four maps, (B, C) each, in two BatchNorm groups of samples; jigsaws (B, 9, C)."""
    halves = []
    for half in images.chunk(2):
        maps = encoder.backbone(ours.pixels(half.reshape(-1, *half.shape[-3:])))
        halves.append([m.mean(dim=(2, 3)).view(*half.shape[:-3], -1) for m in maps])
    return [torch.cat(parts) for parts in zip(*halves, strict=True)]


def in_order(shuffled: Tensor, data: JigsawBatch) -> Tensor:
    restored = torch.empty_like(shuffled)
    restored[data.pair.shuffle] = shuffled
    return restored


def cross_entropy(query: Tensor, key: Tensor, queue: Tensor) -> Tensor:
    query, key = F.normalize(query, dim=1), F.normalize(key.detach(), dim=1)
    logits = torch.cat([(query * key).sum(1, keepdim=True), query @ queue.T], dim=1) / T
    return F.cross_entropy(logits, torch.zeros(len(query), dtype=torch.int64))


def test_infomin_by_hand() -> None:
    ours, data = method(InfoMin, jigsaw_weight=0.3), batch(views=3, keys=False)
    queue = ours.queue.keys[0].clone()
    heads = ours.query.projection
    query = heads["image"](pooled(ours, ours.query, data.pair.query_images)[-1])
    patches = heads["patch"](pooled(ours, ours.query, data.query)[-1])  # (B, 9, D)
    jigsaw = heads["jigsaw"](torch.cat(patches.unbind(1), dim=1))
    expected, keys = torch.zeros(()), []
    for view in data.pair.key_images:
        keys.append(in_order(ours.key.projection["image"](pooled(ours, ours.key, view)[-1]), data))
        expected = expected + 0.7 * cross_entropy(query, keys[-1], queue) + 0.3 * cross_entropy(jigsaw, keys[-1], queue)
    output = ours(data)
    assert output.loss.item() == pytest.approx(expected.item(), rel=1e-9)
    output.loss.backward()
    assert all(parameter.grad is not None for parameter in ours.query.parameters())
    ours.on_step_end()
    assert torch.allclose(ours.queue.keys[0, :B], F.normalize(keys[0], dim=1), atol=1e-9)


def test_detco_by_hand() -> None:
    weights = (0.1, 0.4, 0.7, 1.0)
    ours, data = method(DetCo), batch(views=3)
    queue = ours.queue.keys.clone()
    assert queue.shape == (8, K, 8)
    query = pooled(ours, ours.query, data.pair.query_images), pooled(ours, ours.query, data.query)
    expected, first = torch.zeros(()), torch.empty(8, B, 8, dtype=torch.float64)
    for number, views in enumerate(zip(data.pair.key_images, data.keys, strict=True)):
        key = [pooled(ours, ours.key, one) for one in views]
        for i, weight in enumerate(weights):
            q, q_jigsaw, k, k_jigsaw = (
                net.projection[kind][i](features[i].flatten(1))
                for net, (whole, jigsaw) in ((ours.query, query), (ours.key, key))
                for kind, features in (("whole", whole), ("jigsaw", jigsaw))
            )
            k, k_jigsaw = in_order(k, data), in_order(k_jigsaw, data)
            expected = expected + weight * cross_entropy(q, k, queue[i])
            expected = expected + weight * cross_entropy(q_jigsaw, k_jigsaw, queue[4 + i])
            expected = expected + weight * cross_entropy(q_jigsaw, k, queue[i])
            if number == 0:
                first[i], first[4 + i] = F.normalize(k.detach(), dim=1), F.normalize(k_jigsaw.detach(), dim=1)
    output = ours(data)
    assert output.loss.item() == pytest.approx(expected.item(), rel=1e-9)
    output.loss.backward()
    assert all(parameter.grad is not None for parameter in ours.query.parameters())
    assert all(parameter.grad is None for parameter in ours.key.parameters())
    ours.on_step_end()
    assert torch.allclose(ours.queue.keys[:, :B], first, atol=1e-9)
    assert {name for name in ours.log_stats() if name.startswith("std/")} == {f"std/{level}" for level in ours.levels}


@pytest.mark.parametrize(("cls", "start"), [(InfoMin, 1.0), (DetCo, 3 * 2.2)])
def test_starts_at_guessing(cls: type[Method], start: float) -> None:
    ours, data = method(cls), batch()
    ours.begin(data)
    assert ours(data).loss.item() == pytest.approx(start * np.log(K + 1), rel=0.25)
