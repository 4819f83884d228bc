"""Groups in one pass are what groups one after the other are: outputs, statistics and gradients."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from codo.models.encoder import Encoder, ModelSettings
from codo.models.group_norm import GroupedBatchNorm2d, grouped, is_groupable, make_groupable
from tests.training.tiny import MODEL

GROUPS = 3


class OtherNorm(nn.BatchNorm2d):
    """Stands for a layer that does more than normalize, as timm's do."""


def network(norm: type[nn.BatchNorm2d] = nn.BatchNorm2d) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), norm(4), nn.ReLU(), nn.Sequential(nn.Conv2d(4, 5, 1), norm(5)))


def test_one_pass_equals_a_pass_for_each_group() -> None:
    one, apart = network(), network()
    make_groupable(one)
    x = torch.randn(6, 3, 8, 8)
    with grouped(one, GROUPS):
        together = one(x)
    expected = torch.cat([apart(part) for part in x.chunk(GROUPS)])
    assert torch.allclose(together, expected, atol=1e-6)
    together.square().sum().backward()
    expected.square().sum().backward()
    for (name, a), b in zip(one.named_parameters(), apart.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, rtol=1e-4, atol=1e-5), name
    for (name, a), b in zip(one.named_buffers(), apart.buffers(), strict=True):
        assert torch.allclose(a, b, atol=1e-6), name  # running statistics, and how many batches they have seen


def test_layers_stay_what_they_were() -> None:
    plain, changed = network(), network()
    parameters = list(changed.parameters())
    changed.eval()
    make_groupable(changed)
    assert all(a is b for a, b in zip(changed.parameters(), parameters, strict=True))
    assert plain.state_dict().keys() == changed.state_dict().keys()
    norms = [one for one in changed.modules() if isinstance(one, GroupedBatchNorm2d)]
    assert len(norms) == 2
    assert not any(norm.training for norm in norms)
    x = torch.randn(6, 3, 8, 8)
    with grouped(changed, GROUPS):
        assert torch.equal(changed(x), plain.eval()(x))  # running statistics know no groups
    with pytest.raises(ValueError, match="stop"), grouped(changed, GROUPS):
        raise ValueError("stop")
    assert {norm.groups for norm in norms} == {1}


def test_other_layers_are_left_alone_and_told() -> None:
    other = network(OtherNorm)
    make_groupable(other)
    assert not is_groupable(other)
    assert type(other[1]) is OtherNorm
    assert is_groupable(nn.Sequential(nn.Conv2d(3, 4, 3)))


@pytest.fixture(params=["none", "bn"])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    torch.manual_seed(0)
    return Encoder(ModelSettings.model_validate({**MODEL, "projection_norm": request.param})).train()


def passes(encoder: Encoder) -> list[int]:
    """Samples of each pass of the backbone, as they come."""
    seen: list[int] = []
    encoder.backbone.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    return seen


def batch() -> tuple[Tensor, Tensor]:
    return torch.randn(6, 3, 64, 64), torch.tensor([[4.0, 8.0, 40.0, 50.0]]).repeat(6, 1)


def test_an_encoder_takes_its_groups_in_one_pass(encoder: Encoder) -> None:
    seen, apart = passes(encoder), copy.deepcopy(encoder)
    images, boxes = batch()
    together = encoder(images, boxes, groups=GROUPS)
    assert seen == [6]
    parts = zip(images.chunk(GROUPS), boxes.chunk(GROUPS), strict=True)
    expected = torch.cat([apart(*part) for part in parts], dim=1)
    assert torch.allclose(together, expected, atol=1e-6)
    weight = torch.randn_like(together)  # a loss that is no sum over samples of the same thing
    (together * weight).sum().backward()
    (expected * weight).sum().backward()
    for (name, a), b in zip(encoder.named_parameters(), apart.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, rtol=1e-3, atol=1e-4 * float(b.grad.abs().max() + 1e-3)), name


def test_an_encoder_with_other_layers_takes_them_one_after_the_other(encoder: Encoder) -> None:
    images, boxes = batch()
    expected = copy.deepcopy(encoder)(images, boxes, groups=GROUPS)
    encoder.backbone.bn1.__class__ = OtherNorm
    seen = passes(encoder)
    assert torch.allclose(encoder(images, boxes, groups=GROUPS), expected, atol=1e-6)
    assert seen == [2, 2, 2]
