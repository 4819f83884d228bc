"""The protocol's defaults: what a method gets without saying anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import profile

from codo.contrast.infonce import ContrastSettings
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.step_dataset import StepDataset
from codo.methods.base import STAGE, Method, Setup, StepOutput, stage
from codo.methods.byol import BYOLOptions
from codo.methods.registry import build_method
from codo.models.encoder import ModelSettings
from codo.models.normalization import PIXEL_MEAN, PIXEL_STD
from tests.training.tiny import MODEL


class Least(Method):
    """What every method has to say, and no more."""

    def forward(self, batch: Tensor) -> StepOutput:
        return StepOutput(batch.sum())

    def exports(self) -> dict[str, nn.Module]:
        return {}


def test_pixels_are_normalized_with_imagenets_statistics() -> None:
    images = torch.tensor([0, 255, 128], dtype=torch.uint8).view(1, 1, 1, 3).expand(2, 4, 5, 3)
    pixels = Least().pixels(images)
    assert pixels.shape == (2, 3, 4, 5)
    expected = [(value / 255 - m) / s for value, m, s in zip((0, 255, 128), PIXEL_MEAN, PIXEL_STD, strict=True)]
    assert pixels[1, :, 3, 4].tolist() == pytest.approx(expected, abs=1e-6)


def test_views_keep_their_leading_axes_and_the_layout_of_channels_last() -> None:
    pixels = Least().pixels(torch.zeros(3, 2, 4, 4, 3, dtype=torch.uint8))
    assert pixels.shape == (3, 2, 3, 4, 4)
    assert pixels.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)


def test_statistics_of_pixels_are_no_state() -> None:
    """Checkpoints and exports are free of them."""
    assert Least().state_dict() == {}


def test_by_default_nothing_is_prepared_updated_or_said(tmp_path: Path) -> None:
    method = Least()
    dataset, batch = cast(StepDataset, None), torch.ones(2)
    assert method.prepare_data(dataset, tmp_path, 0) == ""
    assert list(tmp_path.iterdir()) == []
    method.on_first_batch(batch)
    method.on_step_end()
    assert (method.key_exports(), method.log_stats(), method.constant_lr_modules(), method.compilable()) == (
        {},
        {},
        [],
        [],
    )
    assert method(batch).stats == {}


def test_what_a_method_cannot_do_says_whose_fault_it_is() -> None:
    with pytest.raises(TypeError, match="Least is not pretrained"):
        Least.dataset(cast(DatasetInputs, None))
    with pytest.raises(TypeError, match="Least does not embed boxes"):
        Least().embed_boxes(torch.zeros(1, 4, 4, 3), torch.zeros(1, 4))


def test_stages_are_marked_only_while_somebody_looks() -> None:
    with profile() as seen, stage("forward"):
        torch.ones(2).sum()
    assert f"{STAGE}forward" in {event.key for event in seen.key_averages()}
    with stage("forward") as nothing:
        assert nothing is None


def test_options_left_out_are_the_methods_defaults() -> None:
    setup = Setup(ModelSettings.model_validate(MODEL), ContrastSettings())
    default: Any = build_method("byol", setup)
    given: Any = build_method("byol", Setup(setup.model, setup.contrast, BYOLOptions(hidden=24)))
    widths = [
        [layer.out_features for layer in method.modules() if isinstance(layer, nn.Linear)]
        for method in (default, given)
    ]
    assert BYOLOptions().hidden in widths[0]
    assert 24 in widths[1]
    assert BYOLOptions().hidden not in widths[1]
