"""A compiled forward pass with constant weights, and what is said where nothing can be compiled."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from codo.core.errors import InputError
from codo.machine.compiler import ConstantWeights, check_compiler
from tests.compiler import needs_compiler

CPU = torch.device("cpu")


def part() -> nn.Module:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    for name, buffer in made[1].named_buffers():
        if name.startswith("running"):
            buffer.uniform_(0.5, 1.5)
    return made.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def images(side: int = 16) -> torch.Tensor:
    return torch.randn(2, 3, side, side).to(memory_format=torch.channels_last)


@needs_compiler
@pytest.mark.parametrize("bf16", [False, True])
def test_weights_are_constants_for_the_size_of_the_first_step(bf16: bool) -> None:
    made, x = part(), images()
    expected = made(x)
    made.forward = ConstantWeights(made)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        first = made(x)
        assert first.dtype == (torch.bfloat16 if bf16 else torch.float32)
        assert torch.allclose(first.float(), expected, **({"rtol": 0.02, "atol": 0.03} if bf16 else {"atol": 1e-5}))
        with torch.no_grad():
            made[0].weight.zero_()  # which must not happen in a run; here it shows which code is used
        assert torch.equal(made(x), first)
        smaller = images(8)
        assert torch.equal(made(smaller), type(made).forward(made, smaller))


@needs_compiler
def test_a_look_at_other_images_before_the_first_step_is_not_compiled() -> None:
    made = part()
    made.forward = forward = ConstantWeights(made)
    with torch.no_grad():
        made(images(8))
    assert forward.size is None
    made(images())
    assert forward.size == (2, 3, 16, 16)


@needs_compiler
def test_it_is_found() -> None:
    check_compiler(CPU)


def test_no_compiler(tmp_path: Path) -> None:
    from torch._inductor import config

    missing = {"cpp.cxx": (None, str(tmp_path / "g++")), "force_disable_caches": True}
    torch.compiler.reset()
    with config.patch(missing), pytest.raises(InputError, match=r"No working C\+\+ compiler") as raised:
        check_compiler(CPU)
    assert "a C++ compiler (g++" in raised.value.fix
    torch.compiler.reset()
