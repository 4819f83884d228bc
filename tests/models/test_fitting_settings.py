"""Settings read from tensors: those that a model was built with, and those that weights of other detectors need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision.models.detection as detection

from codo.core.errors import InputError
from codo.models.encoder import Encoder, ModelSettings
from codo.models.fitting_settings import fitting_settings, settings_to_change
from codo.models.key_maps import LAYOUTS
from codo.models.weights import load, recognize


def on_meta(build: Callable[[], torch.nn.Module]) -> dict[str, torch.Tensor]:
    with torch.device("meta"):
        return build().state_dict()


@pytest.mark.parametrize(
    "settings",
    [
        {"backbone": "resnet50", "width": 1.0, "fpn_channels": 256, "fpn_norm": "bn", "head": "4conv1fc"},
        {"backbone": "resnet18", "width": 0.25, "fpn_channels": 32, "fpn_norm": "none", "head": "2fc", "head_dim": 64},
        {"backbone": "resnet34", "width": 0.5, "fpn_channels": 64, "fpn_norm": "none", "head": "1conv1fc"},
        {"backbone": "resnet101", "width": 1.0, "fpn_channels": 256, "fpn_norm": "bn", "head": "2fc"},
    ],
)
def test_a_models_own_tensors_tell_what_it_was_built_with(settings: dict[str, Any]) -> None:
    state = on_meta(lambda: Encoder(ModelSettings(**settings)))
    assert fitting_settings(state) == {"head_dim": 1024, **settings}
    assert settings_to_change(state, state) == ""


@pytest.mark.parametrize(
    ("build", "fix"),
    [
        (detection.fasterrcnn_resnet50_fpn, "set model.fpn_norm=none model.head=2fc, as in the weights"),
        (detection.maskrcnn_resnet50_fpn, "set model.fpn_norm=none model.head=2fc, as in the weights"),
    ],
)
def test_a_detector_that_does_not_fit_names_the_settings_that_would(build: Any, fix: str) -> None:
    """The first versions of torchvision's detectors for the paper's trunk; with these settings they load."""
    detector = on_meta(lambda: build(weights=None, weights_backbone=None))
    with torch.device("meta"):
        encoder = Encoder(ModelSettings())
    with pytest.raises(InputError, match="tensors of the fpn match") as error:
        load(encoder, detector, where="model.init=x")
    assert fix in error.value.fix
    fitting = on_meta(lambda: Encoder(ModelSettings(head="2fc", fpn_norm="none")))
    found = recognize(fitting, detector)
    assert found is not None
    trunk = [name for name in fitting if not name.startswith("projection") and "num_batches" not in name]
    assert all(found.tensors[name].shape == fitting[name].shape for name in trunk)


def test_another_width_and_depth_are_named_for_every_layout() -> None:
    """Detectron2's names do not tell how many convolutions come before ``fc1``; the tensors do."""
    small = {"backbone": "resnet18", "fpn_channels": 16}
    wide = Encoder(ModelSettings(**small, width=0.5, head="2fc", head_dim=24)).state_dict()
    slim = Encoder(ModelSettings(**small, width=0.125, head="1conv1fc", head_dim=32))
    for layout in ("torchvision", "detectron2", "mmdet"):
        named = {theirs: tensor for name, tensor in wide.items() if (theirs := LAYOUTS[layout].foreign(name))}
        with pytest.raises(InputError) as error:
            load(slim, named, where="here")
        wanted = "model.width=0.5 model.fpn_norm=none model.head=2fc model.head_dim=24"
        assert error.value.fix.startswith(f"set {wanted}, as in the weights"), layout


@pytest.mark.parametrize("damage", ["missing", "number"])
def test_tensors_that_a_damaged_file_lacks_tell_nothing(damage: str) -> None:
    state = on_meta(lambda: Encoder(ModelSettings(backbone="resnet18", width=0.25)))
    whole = fitting_settings(state)
    for name in ("backbone.layer1.0.conv1.weight", "fpn.inner_blocks.0.0.weight"):
        state |= {name: torch.tensor(0.0)}
        if damage == "missing":
            del state[name]
    gone = {"backbone", "width", "fpn_channels", "fpn_norm"}
    assert fitting_settings(state) == {key: value for key, value in whole.items() if key not in gone}
