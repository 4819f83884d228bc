from __future__ import annotations

import torch

from codo.models.backbone import STRIDES
from codo.models.box_levels import assign_levels, pool_by_size
from codo.models.roi_align import roi_align


def test_levels_by_hand() -> None:
    sides = torch.tensor([[1, 1], [48, 48], [49, 48], [24, 96], [96, 96], [64, 150], [192, 192], [224, 224]])
    boxes = torch.cat([torch.full((8, 2), 3.0), 3 + sides.float()], dim=1)
    assert assign_levels(boxes, 224).tolist() == [0, 0, 1, 0, 1, 2, 2, 3]
    assert assign_levels(boxes, 112).tolist() == [0, 1, 2, 1, 2, 3, 3, 3]  # bounds of 24, 48 and 96


def test_a_box_is_pooled_from_its_level_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    maps = [torch.randn(2, 3, 224 // s, 224 // s, generator=generator) for s in STRIDES]
    sides = torch.tensor([[20.0, 90, 150, 220], [200, 40, 47, 60]])
    corner = torch.rand(2, 4, 2, generator=generator) * (224 - sides[..., None])
    boxes = torch.cat([corner, corner + sides[..., None]], dim=-1)
    pooled = pool_by_size(maps, boxes, 224)
    assert pooled.shape == (8, 3, 7, 7)
    for image in range(2):
        for k, level in enumerate([[0, 1, 2, 3], [3, 0, 0, 1]][image]):
            alone = roi_align(maps[level][image : image + 1], boxes[image, k][None], 1 / STRIDES[level])
            assert torch.allclose(pooled[4 * image + k], alone[0], atol=1e-5)


def test_levels_without_a_box_get_a_gradient_of_zero() -> None:
    maps = [torch.randn(1, 3, 64 // s, 64 // s, requires_grad=True) for s in STRIDES]
    pool_by_size(maps, torch.tensor([[[0.0, 0, 20, 20]]]), 224).sum().backward()
    assert [bool(one.grad.abs().sum() > 0) for one in maps if one.grad is not None] == [True, False, False, False]


def test_half_precision_keeps_images_and_boxes_apart() -> None:
    """bfloat16 counts to 256 only."""
    number = torch.arange(300)
    maps = [(number % 7)[:, None, None, None].expand(300, 1, 64 // s, 64 // s).bfloat16() for s in STRIDES]
    pooled = pool_by_size(maps, torch.tensor([0.0, 0, 13, 11]).expand(300, 1, 4), 224)
    assert torch.equal(pooled.mean(dim=(1, 2, 3)), (number % 7).float())
