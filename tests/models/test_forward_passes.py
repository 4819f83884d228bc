"""Passes through parts of a network, seen while it computes something else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from codo.models.forward_passes import eagerly, noted_passes


def test_every_pass_is_noted_in_order_and_the_hooks_are_gone_afterwards() -> None:
    first, second = nn.Linear(2, 3), nn.Linear(3, 1)
    images = torch.randn(4, 2)
    with noted_passes({"first": first, "second": second}) as passes:
        second(first(images))
        first(images[:1])
    first(images)
    assert [one.part for one in passes] == ["first", "second", "first"]
    assert passes[0].inputs[0] is images
    assert passes[1].inputs[0] is passes[0].output
    assert len(passes[2].output) == 1
    with pytest.raises(KeyError), noted_passes({"first": first}):
        raise KeyError
    assert not first._forward_hooks


@pytest.mark.parametrize("compiled", [torch.compile, lambda net, **how: net.compile(**how) or net])
def test_compiled_code_is_passed_over(compiled: Callable[..., nn.Module]) -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    fast, images = compiled(net, backend="eager"), torch.randn(4, 2)
    expected = fast(images)  # compiled before there are hooks
    with noted_passes({"net": net[0]}) as passes:
        fast(images)
    assert not passes  # what `eagerly` is for
    with eagerly(), noted_passes({"net": net[0]}) as passes:
        assert torch.equal(fast(images), expected)
    assert len(passes) == 1
    with noted_passes({"net": net[0]}) as passes:
        fast(images)
    assert not passes
