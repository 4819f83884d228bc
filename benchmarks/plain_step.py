"""A training step of CoDo as one would write it down first: float32, NCHW, eager, one thing after the other.

The same mathematics as `codo.methods.codo` and the loop around it, none of its means: torchvision's RoIAlign on a list
of boxes, a forward pass a BatchNorm group, the logits of every level and key view with their negatives, cross-entropy
on them, the key encoder followed parameter by parameter, torch's optimizer as it is by default.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import roi_align

from codo.loading.step_dataset import ViewBatch
from codo.methods.codo import CoDo
from codo.models.backbone import STRIDES
from codo.models.encoder import Encoder
from codo.optim.optimizer import OptimSettings


class PlainStep:
    """A step, from the weights and the queue of a `CoDo` that stays as it is.

    Args:
        like: Where weights, queue and settings come from.
        optim: Learning rate, momentum, weight decay.
    """

    def __init__(self, like: CoDo, optim: OptimSettings) -> None:
        self.query, self.key = (
            copy.deepcopy(encoder).to(memory_format=torch.contiguous_format) for encoder in (like.query, like.key)
        )
        self.queue, self.pointer = like.queue.keys.clone(), int(like.queue.pointer)  # (L, K, D)
        self.groups, self.temperature = like.groups, like.contrast.temperature
        self.momentum = like.contrast.momentum_at(0, 1)
        self.mean, self.std = like.mean.clone(), like.std.clone()
        options = {"lr": optim.lr, "momentum": optim.momentum, "weight_decay": optim.weight_decay}
        self.optimizer = torch.optim.SGD(self.query.parameters(), **options)

    def __call__(self, batch: ViewBatch) -> float:
        """One step; returns its loss."""
        queries = self.embed(self.query, batch.query_images, batch.query_boxes)  # (L, B, D)
        with torch.no_grad():
            restored = torch.argsort(batch.shuffle)
            views = zip(batch.key_images, batch.key_boxes, strict=True)
            keys = [self.embed(self.key, images, boxes)[:, restored] for images, boxes in views]
        loss = self.loss(queries, keys)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            for mine, theirs in zip(self.key.parameters(), self.query.parameters(), strict=True):
                mine.copy_(self.momentum * mine + (1 - self.momentum) * theirs)
            newest = keys[batch.step % len(keys)]
            places = (self.pointer + torch.arange(newest.shape[1], device=newest.device)) % self.queue.shape[1]
            self.queue[:, places] = newest
            self.pointer = (self.pointer + len(places)) % self.queue.shape[1]
        return loss.item()

    def loss(self, queries: Tensor, keys: list[Tensor]) -> Tensor:
        """Eq. 7 and 8: cross-entropy of [positive, negatives], level by level and key view by key view."""
        total = queries.new_zeros(())
        for level, query in enumerate(queries):
            for key in keys:
                positive = (query * key[level]).sum(dim=1, keepdim=True)  # (B, 1)
                negative = query @ self.queue[level].T  # (B, K)
                logits = torch.cat([positive, negative], dim=1) / self.temperature
                total = total + F.cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.long))
        return total

    def embed(self, encoder: Encoder, images: Tensor, boxes: Tensor) -> Tensor:
        """Eq. 3 to 6, each group with its own BatchNorm statistics: (B, S, S, 3) and (B, 4) -> (L, B, D)."""
        pixels = (images.permute(0, 3, 1, 2).contiguous().float() - self.mean) / self.std
        parts = zip(pixels.chunk(self.groups), boxes.chunk(self.groups), strict=True)
        return torch.cat([self.embed_group(encoder, *part) for part in parts], dim=1)

    @staticmethod
    def embed_group(encoder: Encoder, pixels: Tensor, boxes: Tensor) -> Tensor:
        """One forward pass of the encoder."""
        maps = encoder.fpn(encoder.backbone(pixels))
        number = torch.arange(len(boxes), dtype=boxes.dtype, device=boxes.device)[:, None]
        rois = torch.cat([number, boxes], dim=1)
        pooled = [roi_align(m, rois, 7, 1 / s, -1, True) for m, s in zip(maps, STRIDES, strict=True)]
        features = encoder.projection(encoder.box_head(torch.cat(pooled)))  # levels outermost
        return F.normalize(features, dim=-1).view(len(maps), len(boxes), -1)
