"""MoCo v2 against a reference in one piece, written here: 20 steps on the same batches, to the last weight."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codo.contrast.bn_groups import permutation
from codo.contrast.infonce import ContrastSettings
from codo.loading.step_dataset import ViewBatch
from codo.methods.base import Setup
from codo.methods.moco import MoCo, MoCoOptions
from codo.models.encoder import ModelSettings

MODEL = ModelSettings(backbone="resnet18", width=0.125, embedding_dim=16)
B, S, K, M, T, LR = 8, 32, 24, 0.9, 0.2, 0.05


def batch(step: int) -> ViewBatch:
    rng = np.random.default_rng(step)
    images = rng.integers(0, 256, (2, B, S, S, 3), dtype=np.uint8)
    order = permutation(0, step, B)
    box = torch.tensor([[0.0, 0, S, S]]).expand(B, 4)
    query, keys = torch.from_numpy(images[0]), torch.from_numpy(images[1:, order])
    return ViewBatch(query, box, keys, box[None], torch.from_numpy(order), step)


def method(**options: str) -> MoCo:
    torch.manual_seed(0)
    contrast = ContrastSettings(queue=K, temperature=T, momentum=M, bn_groups=2)
    return MoCo(Setup(MODEL, contrast, MoCoOptions.model_validate(options), batch_size=B)).train()


def normalized(pixels: Tensor) -> Tensor:
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return ((pixels.double() - (255 * mean).double()) / (255 * std).double()).permute(0, 3, 1, 2)


def embed(net: nn.Module, pixels: Tensor) -> Tensor:
    """Two BN groups, each by itself: average pooling, MLP, length 1."""
    halves = []
    for half in normalized(pixels).chunk(2):
        x = net.backbone(half)[-1].mean(dim=(2, 3))
        x = net.projection[2](F.relu(net.projection[0](x)))
        halves.append(x / x.norm(dim=1, keepdim=True))
    return torch.cat(halves)


def test_twenty_steps_equal_the_reference() -> None:
    ours = method(projection="mlp").double()
    ours.on_first_batch(batch(0))
    query, key = copy.deepcopy(ours.query), copy.deepcopy(ours.key)
    queue = ours.queue.keys[0].clone()
    optimizers = [torch.optim.SGD(net.parameters(), lr=LR, momentum=0.9) for net in (ours.query, query)]
    pointer = 0
    for step in range(20):
        data = batch(step)
        output = ours(data)
        output.loss.backward()

        q = embed(query, data.query_images)
        with torch.no_grad():
            shuffled = embed(key, data.key_images[0])
            k = torch.empty_like(shuffled)
            k[data.shuffle] = shuffled
        logits = torch.cat([(q * k).sum(1, keepdim=True), q @ queue.T], dim=1) / T
        loss = F.cross_entropy(logits, torch.zeros(B, dtype=torch.int64))
        loss.backward()
        assert output.loss.item() == pytest.approx(loss.item(), rel=1e-6)

        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        ours.on_step_end()
        with torch.no_grad():
            for slow, fast in zip(key.parameters(), query.parameters(), strict=True):
                slow.copy_(M * slow + (1 - M) * fast)
            for i in range(B):
                queue[(pointer + i) % K] = k[i]
            pointer = (pointer + B) % K
        assert torch.allclose(ours.queue.keys[0], queue, atol=1e-5)
    for a, b in zip(ours.key.parameters(), key.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_starts_at_guessing_and_projects_as_asked() -> None:
    ours = method(projection="linear")
    ours.on_first_batch(batch(0))
    assert ours(batch(0)).loss.item() == pytest.approx(math.log(K + 1), rel=0.15)
    assert isinstance(ours.query.projection, nn.Linear)
    assert ours.exports().keys() == ours.key_exports().keys() == {"backbone"}


def test_momentum_may_rise_along_a_cosine() -> None:
    rising = ContrastSettings(momentum=0.9, momentum_end=1.0)
    assert [rising.momentum_at(step, 100) for step in (0, 50, 100)] == pytest.approx([0.9, 0.95, 1.0])
    assert ContrastSettings(momentum=0.9).momentum_at(77, 100) == 0.9
