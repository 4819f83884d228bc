"""torch.compile: whether it works on this machine, and a forward pass compiled with constant weights.

It needs a C++ compiler, and on GPUs Triton as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from codo.core.errors import InputError


def check_compiler(device: torch.device) -> None:
    """Compile one addition, which takes a few seconds, so that a run does not fail in its first step.

    Raises:
        InputError: It cannot be compiled.
    """
    numbers = torch.zeros(2, device=device)
    try:
        torch.compile(lambda x: x + 1)(numbers)
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        needed = "Triton and a C++ compiler" if device.type == "cuda" else "a C++ compiler (g++, clang)"
        fix = f"install {needed}, name the compiler in the variable CXX, or set compile=false"
        raise InputError(f"torch.compile fails on this machine: {reason}", where="compile", fix=fix) from error


class ConstantWeights:
    """The forward pass of a network part in evaluation mode, compiled by Inductor with the weights as constants.

    BatchNorm becomes part of the convolution before it, activations and residual sums are computed with that
    convolution, and weights are converted to bfloat16 once. Only for inputs of one size, that of the first step: each
    size would be compiled anew.
    """

    def __init__(self, part: nn.Module) -> None:
        self.plain = part.forward
        self.compiled = torch.compile(part.forward, dynamic=False)
        self.size: torch.Size | None = None

    def __call__(self, inputs: Tensor | Sequence[Tensor]) -> Any:
        """Images, or the maps of the part before -> maps without gradient."""
        size = (inputs if isinstance(inputs, Tensor) else inputs[0]).shape
        if self.size is None and torch.is_grad_enabled():  # not by a look at the first batch
            self.size = size
        if size != self.size:
            return self.plain(inputs)
        from torch._inductor import config  # imports the compiler

        # In torch 2.15 the option of torch.compile has no effect (findings/torch_compile_freezing_option.sh).
        with torch.no_grad(), config.patch(freezing=True):
            return self.compiled(inputs)
