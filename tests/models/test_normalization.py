"""The normalization of initial weights: found once, recorded, and said where it is not the usual one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from codo.core.errors import InputError
from codo.core.run import start_run
from codo.models.encoder import ModelSettings
from codo.models.normalization import (
    IMAGENET,
    Normalization,
    describe_normalization,
    recorded_normalization,
    start_normalization,
    timm_normalization,
)

HALF = Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
OWN = Normalization((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
CONVNEXT = "timm:test_convnext"


def test_weights_of_timm_bring_timms_and_random_ones_imagenets(tmp_path: Path) -> None:
    assert timm_normalization("resnet50") is None
    assert timm_normalization(CONVNEXT) == HALF
    assert start_normalization("imagenet", CONVNEXT) == HALF
    assert start_normalization("none", CONVNEXT) == IMAGENET
    assert start_normalization("imagenet", "resnet50") == IMAGENET
    torch.save({"stem.0.weight": torch.zeros(1)}, tmp_path / "foreign.pth")
    assert start_normalization(str(tmp_path / "foreign.pth"), CONVNEXT) == HALF
    assert start_normalization(str(tmp_path / "foreign.pth"), "resnet50") == IMAGENET


def test_runs_and_files_of_codo_bring_what_they_record(tmp_path: Path) -> None:
    recorded = ModelSettings(backbone=CONVNEXT, mean=OWN.mean, std=OWN.std)
    start_run(tmp_path / "run", {"model": recorded.model_dump(mode="json")}, "pretrain").unlock()
    assert start_normalization(str(tmp_path / "run"), "resnet50") == OWN
    assert recorded_normalization(tmp_path / "run") == OWN
    assert recorded_normalization(tmp_path) is None
    save_file({"x": torch.zeros(1)}, tmp_path / "trunk.safetensors", {"model": recorded.model_dump_json()})
    assert start_normalization(str(tmp_path / "trunk.safetensors"), "resnet50") == OWN


def test_what_was_recorded_before_had_imagenets(tmp_path: Path) -> None:
    old = {"backbone": CONVNEXT}
    start_run(tmp_path / "run", {"model": old}, "pretrain").unlock()
    assert start_normalization(str(tmp_path / "run"), CONVNEXT) == IMAGENET
    save_file({"x": torch.zeros(1)}, tmp_path / "trunk.safetensors", {"model": f'{{"backbone": "{CONVNEXT}"}}'})
    assert start_normalization(str(tmp_path / "trunk.safetensors"), CONVNEXT) == IMAGENET


def test_settings_leave_it_open_or_say_it() -> None:
    model = ModelSettings(backbone=CONVNEXT)
    assert model.normalized_for("imagenet").normalization == HALF
    assert model.normalized_for("imagenet", existing=IMAGENET).normalization == IMAGENET  # of the run that is resumed
    said = ModelSettings(backbone=CONVNEXT, std=(0.2, 0.2, 0.2)).normalized_for("imagenet")
    assert said.normalization == Normalization(HALF.mean, (0.2, 0.2, 0.2))
    assert said.normalized_for("none", existing=IMAGENET) is said


@pytest.mark.parametrize(
    ("field", "values"), [("mean", (123.675, 116.28, 103.53)), ("std", (0.0, 1, 1)), ("std", (58.0, 57, 57))]
)
def test_values_of_another_range_are_refused(field: str, values: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match=r"values in 0\.\.1") as error:
        ModelSettings.model_validate({field: values})
    assert error.value.where == f"model.{field}"


def test_the_log_says_what_is_not_usual_and_whose_it_is() -> None:
    assert describe_normalization(IMAGENET, "none", CONVNEXT) == ""
    assert describe_normalization(IMAGENET, "imagenet", "resnet50") == ""
    line = describe_normalization(HALF, "imagenet", CONVNEXT)
    assert line == (
        "images are normalized with mean 0.5, 0.5, 0.5, standard deviation 0.5, 0.5, 0.5: timm's for test_convnext"
    )
    assert "the weights' own: mean 0.5" in describe_normalization(IMAGENET, "imagenet", CONVNEXT)
    assert "the weights' own: mean 0.485" in describe_normalization(OWN, "none", "resnet50")


def test_tensors_are_for_values_up_to_255() -> None:
    mean, std = OWN.tensors()
    assert mean.shape == std.shape == (3, 1, 1)
    assert torch.equal(mean.flatten(), 255 * torch.tensor(OWN.mean))
    assert torch.equal(std.flatten(), 255 * torch.tensor(OWN.std))
