from __future__ import annotations

import pytest
import torch
from torch import nn

from codo.core.errors import InputError
from codo.models.box_head import build_box_head, build_projection, count_convolutions


@pytest.mark.parametrize(("head", "convolutions"), [("1conv1fc", 1), ("4conv1fc", 4), ("2fc", 0)])
def test_structure(head: str, convolutions: int) -> None:
    built = build_box_head(head, channels=8, dim=16)
    layers = list(built.modules())
    assert sum(isinstance(m, nn.Conv2d) for m in layers) == convolutions
    assert sum(isinstance(m, nn.BatchNorm2d) for m in layers) == convolutions
    assert sum(isinstance(m, nn.Linear) for m in layers) == (1 if convolutions else 2)
    assert built(torch.randn(3, 8, 7, 7)).shape == (3, 16)


@pytest.mark.parametrize("head", ["0conv1fc", "10conv1fc", "4conv2fc", "3fc", "", "4conv1fcx"])
def test_unknown_heads_are_refused(head: str) -> None:
    with pytest.raises(InputError, match="unknown head"):
        count_convolutions(head)


def test_projection_is_the_two_layer_mlp_of_moco_v2() -> None:
    projection = build_projection(16, 4)
    assert [type(m) for m in projection] == [nn.Linear, nn.ReLU, nn.Linear]
    assert projection(torch.randn(3, 16)).shape == (3, 4)


def test_projection_with_norm_has_batchnorm_after_the_hidden_layer() -> None:
    projection = build_projection(16, 4, norm=True)
    assert [type(m) for m in projection] == [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Linear]
    assert projection(torch.randn(3, 16)).shape == (3, 4)
    assert list(build_projection(16, 4).state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
