from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.ops import MultiScaleRoIAlign

from codo.detection.roi_pool import RoIPool
from codo.exporters.torchvision import roi_pool

SIDE = 128
SIZES = [(SIDE, SIDE), (100, SIDE)]


def plain(bins: int) -> MultiScaleRoIAlign:
    return MultiScaleRoIAlign(["0", "1", "2", "3"], bins, 2, canonical_scale=48, canonical_level=4)


def ours(bins: int) -> RoIPool:
    return RoIPool(roi_pool(bins, 48))


def maps(
    dtype: torch.dtype = torch.float32, memory_format: torch.memory_format = torch.channels_last
) -> dict[str, Tensor]:
    rng = torch.Generator().manual_seed(1)
    shapes = {str(level): (2, 5, SIDE // stride, SIDE // stride) for level, stride in enumerate((4, 8, 16, 32))}
    return {
        name: torch.randn(shape, generator=rng).to(dtype, memory_format=memory_format).requires_grad_()
        for name, shape in shapes.items()
    }


def boxes(counts: tuple[int, int]) -> list[Tensor]:
    """Of all sizes, some beyond the images, some without area."""
    rng, found = torch.Generator().manual_seed(2), []
    for count in counts:
        corner = SIDE * (1.2 * torch.rand(count, 2, generator=rng) - 0.1)
        sides = SIDE * torch.rand(count, 2, generator=rng) ** 2
        sides[::5] = 0
        found.append(torch.cat([corner, corner + sides], 1))
    return found


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("counts", [(60, 40), (0, 7), (0, 0)])
@pytest.mark.parametrize("bins", [7, 14])
def test_results_and_gradients_are_torchvisions_to_the_last_bit(
    bins: int, counts: tuple[int, int], memory_format: torch.memory_format
) -> None:
    features, where = maps(memory_format=memory_format), boxes(counts)
    expected, found = plain(bins)(features, where, SIZES), ours(bins)(features, where, SIZES)
    assert found.grad_fn.__class__.__name__ == "_PoolBackward"
    assert torch.equal(found, expected)
    assert found.is_contiguous() == expected.is_contiguous()
    weights = torch.randn(expected.shape, generator=torch.Generator().manual_seed(3))
    gradients = [torch.autograd.grad(pooled, list(features.values()), weights) for pooled in (expected, found)]
    for theirs, own in zip(*gradients, strict=True):
        assert torch.equal(own, theirs)


def test_boxes_of_autocast_take_the_kernels_too() -> None:
    """Those that torchvision's RPN would make are bfloat16, the maps are not."""
    features, where = maps(), [some.bfloat16() for some in boxes((30, 20))]
    with torch.autocast("cpu", torch.bfloat16):
        expected, found = plain(7)(features, where, SIZES), ours(7)(features, where, SIZES)
    assert found.grad_fn.__class__.__name__ == "_PoolBackward"
    assert found.dtype == expected.dtype
    assert torch.equal(found, expected)


def test_other_types_are_left_to_torchvision() -> None:
    features, where = maps(torch.float64), [some.double() for some in boxes((6, 4))]
    assert torch.equal(ours(7)(features, where, SIZES), plain(7)(features, where, SIZES))


def test_a_box_that_is_not_a_number_has_no_level_and_pools_zeros() -> None:
    where = boxes((3, 2))
    where[0][1] = torch.nan
    found = ours(7)(maps(), where, SIZES)
    assert not found[1].any()
    assert torch.equal(found, plain(7)(maps(), where, SIZES))


def test_no_gradient_flows_to_boxes() -> None:
    features, where = maps(), [some.requires_grad_() for some in boxes((3, 2))]
    ours(7)(features, where, SIZES).sum().backward()
    assert features["0"].grad is not None
    assert where[0].grad is None


@pytest.mark.parametrize(("size", "samples"), [((7, 5), 2), ((7, 7), -1)])
def test_other_settings_are_left_to_torchvision(size: Any, samples: int) -> None:
    other = roi_pool(7, 48)
    other.output_size, other.sampling_ratio = size, samples
    features, where = maps(), boxes((6, 4))
    assert torch.equal(RoIPool(other)(features, where, SIZES), other(features, where, SIZES))
