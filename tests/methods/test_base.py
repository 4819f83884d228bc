"""The protocol's defaults: pixels, what a method that says nothing does, marks for the profiler."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from codo.methods.base import STAGE, Method, StepOutput, stage
from codo.methods.registry import METHODS


class Least(Method):
    """As little as a method may say."""

    def forward(self, batch: Tensor) -> StepOutput:
        return StepOutput(batch.sum())

    def exports(self) -> dict[str, nn.Module]:
        return {}


def test_pixels_are_normalized_by_imagenet() -> None:
    got = Least().pixels(torch.tensor([[[[0, 128, 255]]]], dtype=torch.uint8)).flatten()
    expected = [(0 - 0.485) / 0.229, (128 / 255 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    assert got.tolist() == pytest.approx(expected, rel=1e-5)


def test_pixels_keep_their_memory_layout_and_take_the_module_s_type() -> None:
    images = torch.zeros(2, 5, 4, 6, 3, dtype=torch.uint8)  # any axes before the picture's
    pixels = Least().double().pixels(images)
    assert (pixels.shape, pixels.dtype) == ((2, 5, 3, 4, 6), torch.float64)
    assert pixels[0].is_contiguous(memory_format=torch.channels_last)


def test_normalization_is_not_part_of_a_checkpoint() -> None:
    assert Least().state_dict() == {}


def test_what_a_method_does_not_say() -> None:
    method = Least()
    inputs: Any = None
    assert method.key_exports() == {}
    assert method.log_stats() == {}
    assert method.constant_lr_modules() == []
    assert method.compilable() == []
    with pytest.raises(TypeError, match="Least is not pretrained"):
        Least.dataset(inputs)
    with pytest.raises(TypeError, match="Least does not embed boxes"):
        method.embed_boxes(torch.zeros(1), torch.zeros(1))


@pytest.mark.parametrize("name", METHODS)
def test_every_shipped_method_says_which_parts_it_trains(name: str) -> None:
    method = METHODS[name]
    assert method.parts[0] == "backbone"
    assert set(method.parts) <= {"backbone", "fpn", "box_head"}
    assert method.dataset.__func__ is not Method.dataset.__func__  # type: ignore[attr-defined]
    assert method.embed_boxes is not Method.embed_boxes


def test_stages_are_marked_only_while_someone_looks() -> None:
    with stage("idle"):
        pass
    with profile(activities=[ProfilerActivity.CPU]) as profiled, stage("busy"):
        torch.ones(2).sum()
    names = {event.key for event in profiled.key_averages()}
    assert f"{STAGE}busy" in names
    assert f"{STAGE}idle" not in names
