"""timm's models of one size, with windows, with channels last, without the strides."""

from __future__ import annotations

import pytest
import timm
import torch

from codo.core.errors import InputError
from codo.models.timm_backbone import SIZES, STRIDES, TimmBackbone

later = pytest.mark.skipif(not timm.is_model("test_maxvit"), reason="timm's small models of one size came after 1.0.28")


@pytest.mark.parametrize("name", ["test_mambaout", "test_convnext", pytest.param("test_maxvit", marks=later)])
def test_maps_have_their_strides_for_images_of_any_size(name: str) -> None:
    backbone = TimmBackbone(name).eval()
    assert backbone.channels_last == (name == "test_mambaout")  # (B, h, w, C)
    with torch.no_grad():
        for height, width in ((64, 64), (96, 160), (128, 32)):
            maps = backbone(torch.randn(2, 3, height, width))
            expected = [
                (2, channels, height // stride, width // stride)
                for channels, stride in zip(backbone.channels, STRIDES, strict=True)
            ]
            assert [tuple(one.shape) for one in maps] == expected


@later
def test_images_are_padded_where_timm_has_windows_of_one_size() -> None:
    """At a size that needs no padding the maps are timm's; padding changes only what is added, by hand."""
    backbone = TimmBackbone("test_maxvit").eval()
    side = backbone.multiple
    assert side > 1
    assert f"multiples of {side} pixels" in backbone.note
    assert TimmBackbone("test_convnext").note == ""
    with torch.no_grad():
        images = torch.randn(1, 3, side, side)
        exact = backbone.model(images)
        assert all(torch.equal(a, b) for a, b in zip(backbone(images), exact, strict=True))
        small = images[:, :, :64, :96].clone()
        padded = torch.zeros_like(images)
        padded[:, :, :64, :96] = small
        for found, whole, stride in zip(backbone(small), backbone.model(padded), STRIDES, strict=True):
            assert torch.equal(found, whole[:, :, : 64 // stride, : 96 // stride])


def test_a_model_made_for_one_size_gets_timms_option_for_others() -> None:
    """Swin at 64 pixels ended in an AssertionError of the first step; its own size gives the maps that it gave."""
    torch.manual_seed(0)
    backbone = TimmBackbone("swin_tiny_patch4_window7_224").eval()
    strict = timm.create_model("swin_tiny_patch4_window7_224", features_only=True).eval()
    strict.load_state_dict(backbone.model.state_dict())
    images = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        assert [tuple(m.shape[2:]) for m in backbone(images[:, :, :64, :96])] == [(16, 24), (8, 12), (4, 6), (2, 3)]
        for found, own in zip(backbone(images), strict(images), strict=True):
            assert torch.allclose(found, own.permute(0, 3, 1, 2), atol=1e-5)


@later
def test_a_model_of_one_size_without_such_an_option_is_refused_in_three_lines() -> None:
    with pytest.raises(InputError) as error:
        TimmBackbone("test_coatnet")
    lines = error.value.lines()
    assert len(lines) == 3
    assert "'test_coatnet' does not take images of any size: " in lines[0]
    assert lines[1:] == [
        "  where: model.backbone=timm:test_coatnet",
        "  fix:   use a model for any size, such as timm:convnext_tiny; docs/reference/timm-families.md lists them",
    ]


def test_strides_that_do_not_fit_are_named() -> None:
    with pytest.raises(InputError, match=r"strides 4, 8, 16, 32: 4 is missing, it has 16\n") as error:
        TimmBackbone("test_vit")
    assert error.value.where == "model.backbone=timm:test_vit"


def test_trying_a_model_leaves_its_weights_statistics_and_the_random_state() -> None:
    torch.manual_seed(5)
    timm.create_model("test_efficientnet", features_only=True)  # finds the strides
    plain = timm.create_model("test_efficientnet", features_only=True, out_indices=(1, 2, 3, 4))
    after = torch.rand(3)
    torch.manual_seed(5)
    backbone = TimmBackbone("test_efficientnet")
    assert torch.equal(torch.rand(3), after)
    assert backbone.training
    state = plain.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in backbone.model.state_dict().items())
    assert len(SIZES) == 2
