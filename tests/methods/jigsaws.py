"""Methods with jigsaws in small: a batch, the pooled maps, and the loss of one contrast, each written out plainly."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from codo.contrast.bn_groups import permutation
from codo.contrast.infonce import ContrastSettings
from codo.loading.jigsaw_dataset import JigsawBatch
from codo.loading.step_dataset import ViewBatch
from codo.methods.base import Method, Setup
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
