from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.ops import roi_align as torchvision_roi_align

from codo.models.roi_align import averaging_matrix, roi_align


def oracle(features: Tensor, boxes: Tensor, scale: float, bins: int = 7) -> Tensor:
    rois = torch.cat([torch.arange(len(boxes), dtype=boxes.dtype)[:, None], boxes], dim=1)
    pooled: Tensor = torchvision_roi_align(features, rois, bins, scale, sampling_ratio=-1, aligned=True)
    return pooled


def test_box_of_whole_pixels_averages_them() -> None:
    #  0  1  2  3      the box covers the lower right 2 x 2 pixels;
    #  4  5  6  7      with one bin and two samples an axis, every sample
    #  8  9 10 11      falls on a pixel's center
    # 12 13 14 15
    grid = torch.arange(16.0).view(1, 1, 4, 4)
    box = torch.tensor([[2.0, 2.0, 4.0, 4.0]])
    assert roi_align(grid, box, 1.0, bins=1).item() == pytest.approx((10 + 11 + 14 + 15) / 4)
    assert roi_align(grid, box, 1.0, bins=2).flatten().tolist() == [10.0, 11.0, 14.0, 15.0]


def test_scale_and_half_pixel_offset_by_hand() -> None:
    # A canvas of 16 pixels on a map of 4. The box [4, 12) covers cells 1 and 2; one bin of extent 2 has samples at
    # 1.5 and 2.5 from the edge of the map, which is cell coordinates 1.0 and 2.0: the centers of cells 1 and 2.
    row = torch.tensor([10.0, 20.0, 40.0, 80.0]).view(1, 1, 1, 4).expand(1, 1, 4, 4)
    assert roi_align(row, torch.tensor([[4.0, 4.0, 12.0, 12.0]]), 1 / 4, bins=1).item() == 30.0
    # Shifted by half a cell, every sample lies between two centers.
    assert roi_align(row, torch.tensor([[6.0, 4.0, 14.0, 12.0]]), 1 / 4, bins=1).item() == pytest.approx((30 + 60) / 2)


def test_linear_ramp_gives_bin_centers() -> None:
    ramp = torch.arange(32.0).view(1, 1, 1, 32).expand(1, 1, 32, 32) + 0.5  # the coordinate of each pixel's center
    pooled = roi_align(ramp, torch.tensor([[4.0, 4.0, 18.0, 18.0]]), 1.0)
    assert torch.allclose(pooled[0, 0], torch.arange(5.0, 18.0, 2.0).expand(7, 7))


sides = st.just(0.0) | st.floats(1e-6, 64)  # between the two, rounding decides whether a box has a side at all
boxes_on_and_off_the_map = st.lists(
    st.tuples(st.floats(-20, 90), st.floats(-20, 90), sides, sides), min_size=1, max_size=4
)


@settings(max_examples=100, deadline=None)
@given(corners=boxes_on_and_off_the_map, stride=st.sampled_from([4, 8, 16, 32]), seed=st.integers(0, 1000))
def test_equals_torchvision(corners: list[tuple[float, float, float, float]], stride: int, seed: int) -> None:
    # odd numbers: hypothesis likes round ones, where a sample hits the cut-off exactly and rounding decides
    boxes = torch.tensor([[x, y, x + w, y + h] for x, y, w, h in corners], dtype=torch.float64) * 0.9973 + 0.0119
    generator = torch.Generator().manual_seed(seed)
    side = 64 // stride
    features = torch.randn(len(boxes), 3, side, side, generator=generator, dtype=torch.float64).requires_grad_()
    ours, expected = roi_align(features, boxes, 1 / stride), oracle(features, boxes, 1 / stride)
    assert torch.allclose(ours, expected, rtol=0, atol=1e-12)
    weights = torch.randn(ours.shape, generator=generator, dtype=torch.float64)
    gradients = [torch.autograd.grad((out * weights).sum(), features)[0] for out in (ours, expected)]
    assert torch.allclose(*gradients, rtol=0, atol=1e-12)


@pytest.mark.parametrize("stride", [4, 8, 16, 32])
@pytest.mark.parametrize("canvas", [(96, 96), (96, 64)])
def test_equals_torchvision_in_float32_channels_last(stride: int, canvas: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(stride)
    height, width = canvas
    size = torch.tensor([width, height, width, height])
    boxes = torch.rand(8, 4, generator=generator) * size
    boxes = torch.cat([boxes.view(8, 2, 2).amin(1), boxes.view(8, 2, 2).amax(1)], dim=1)
    boxes[0] = torch.tensor([0, 0, width, height])
    features = torch.randn(8, 5, height // stride, width // stride, generator=generator)
    expected = oracle(features, boxes, 1 / stride)
    ours = roi_align(features.to(memory_format=torch.channels_last), boxes, 1 / stride)
    assert torch.allclose(ours, expected, atol=2e-5)
    assert torch.allclose(roi_align(features, boxes, 1 / stride), expected, atol=2e-5)
    assert ours.is_contiguous(memory_format=torch.channels_last)


def test_empty_box_gives_zeros() -> None:
    assert roi_align(torch.ones(1, 2, 8, 8), torch.tensor([[3.0, 3.0, 3.0, 5.0]]), 1.0).abs().max() == 0


def test_rows_of_a_box_inside_sum_to_one() -> None:
    weights = averaging_matrix(torch.tensor([0.0, 3.3, 10.0]), torch.tensor([56.0, 3.4, 55.9]), 56, 7)
    assert weights.shape == (3, 7, 56)
    assert torch.allclose(weights.sum(-1), torch.ones(3, 7))
    assert (weights >= 0).all()


def test_bf16_features_keep_exact_coordinates() -> None:
    # 201.7 is no bf16 number: rounded to 202 the box would be half a pixel off
    ramp = torch.arange(56.0).view(1, 1, 1, 56).expand(1, 1, 56, 56)
    box = torch.tensor([[195.3, 195.3, 201.7, 201.7]])
    exact = roi_align(ramp, box, 1 / 4)
    with torch.autocast("cpu", torch.bfloat16):
        pooled = roi_align(ramp.bfloat16(), box, 1 / 4)
    assert pooled.dtype == torch.bfloat16
    assert torch.allclose(pooled.float(), exact, rtol=2**-7, atol=0)
