"""SoCo against a plain computation, and what it promises."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from codo.contrast.infonce import ContrastSettings
from codo.core.errors import InputError
from codo.loading.object_crops import ObjectBatch
from codo.methods.base import Setup
from codo.methods.soco import SoCo, SoCoOptions
from codo.models.backbone import STRIDES
from codo.models.encoder import ModelSettings
from codo.models.roi_align import roi_align

MODEL = ModelSettings(backbone="resnet18", width=0.125, fpn_channels=16, head="1conv1fc", head_dim=32, embedding_dim=12)
B, K, S = 2, 3, 64


def build(batch_size: int = B) -> Any:
    torch.manual_seed(0)
    contrast = ContrastSettings(momentum=0.8, momentum_end=1.0)
    return SoCo(Setup(MODEL, contrast, SoCoOptions(hidden=16), batch_size=batch_size, steps=100)).train()


def batch(step: int = 0) -> ObjectBatch:
    generator = torch.Generator().manual_seed(0)
    views, boxes = [], []
    for side in (S, S, S // 2):
        views.append(torch.randint(0, 256, (B, side, side, 3), dtype=torch.uint8, generator=generator))
        corner = torch.rand(B, K, 2, generator=generator) * side / 4
        boxes.append(torch.cat([corner, corner + side / 8 + side / 2 * torch.rand(B, K, 2, generator=generator)], -1))
    boxes[0][0, 0] = torch.tensor([0.0, 0, S, S])  # of P5; the same object is of a finer level elsewhere
    return ObjectBatch(tuple(views), tuple(boxes), step)


def test_the_loss_by_hand() -> None:
    """Box by box, with the other RoIAlign and levels found by comparing; BatchNorm in evaluation knows no batch."""
    method, data = build().eval(), batch()

    def embed(trunk: Any, view: int, image: int, k: int) -> torch.Tensor:
        pixels, box = method.pixels(data.views[view][image : image + 1]), data.boxes[view][image, k][None]
        size = float((box[0, 2] - box[0, 0]) * (box[0, 3] - box[0, 1])) ** 0.5
        level = sum(size > bound * S / 224 for bound in (48, 96, 192))
        pooled = roi_align(trunk.features(pixels)[level], box, 1 / STRIDES[level])
        embedding: torch.Tensor = trunk.projection(trunk.box_head(pooled))[0]
        return embedding

    expected = 0.0
    with torch.no_grad():
        for one, other in ((0, 1), (1, 0), (0, 2), (2, 0)):
            for image in range(B):
                for k in range(K):
                    p = method.predictor(embed(method.encoder, one, image, k)[None])[0]
                    t = embed(method.target, other, image, k)
                    expected += (2 - 2 * F.cosine_similarity(p, t, dim=0)).item() / (B * K)
        assert method(data).loss.item() == pytest.approx(expected, rel=1e-4)


def test_no_gradient_reaches_the_target_and_it_follows() -> None:
    method = build()
    method(batch(step=50)).loss.backward()
    assert all(p.grad is None and not p.requires_grad for p in method.target.parameters())
    assert all(p.grad is not None for p in method.encoder.parameters())  # levels without a box included
    with torch.no_grad():
        method.encoder.fpn.inner_blocks[0][0].weight.add_(1.0)
    before = method.target.fpn.inner_blocks[0][0].weight.clone()
    method.on_step_end()  # half-way from 0.8 to 1
    now = 0.9 * before + 0.1 * method.encoder.fpn.inner_blocks[0][0].weight
    assert torch.allclose(method.target.fpn.inner_blocks[0][0].weight, now, atol=1e-5)


def test_the_whole_trunk_is_exported_and_watched() -> None:
    method = build()
    assert tuple(method.exports()) == tuple(method.key_exports()) == SoCo.parts == ("backbone", "fpn", "box_head")
    assert method.exports()["fpn"] is method.encoder.fpn
    assert method.key_exports()["fpn"] is method.target.fpn
    method(batch())
    assert set(method.log_stats()) == {"std/box", "mean_norm/box", "rank/box"}
    boxes = torch.tensor([[0.0, 0, 30, 30], [0, 0, 64, 64]])
    assert method.eval().embed_boxes(batch().views[0], boxes).shape == (2, 12)


def test_one_sample_is_refused() -> None:
    with pytest.raises(InputError, match="two samples on each process"):
        build(batch_size=1)
