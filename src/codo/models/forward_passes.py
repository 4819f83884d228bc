"""What goes through parts of a network while it computes something else, noted by forward hooks."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import nn


class Pass(NamedTuple):
    """A forward pass of a part: its name, its input and its output, a tensor or maps."""

    part: str
    inputs: tuple[Any, ...]
    output: Any


@contextmanager
def noted_passes(parts: Mapping[str, nn.Module]) -> Iterator[list[Pass]]:
    """A context that collects the forward passes of the parts."""
    passes: list[Pass] = []

    def note(part: str) -> Any:
        return lambda _, inputs, output: passes.append(Pass(part, inputs, output))

    with ExitStack() as hooks:
        for part, module in parts.items():
            hooks.callback(module.register_forward_hook(note(part)).remove)
        yield passes


def eagerly() -> AbstractContextManager[Any]:
    """Run compiled modules without their compiled code; to be entered where it is called.

    Dynamo does not watch hooks: compiled code would pass over them, or keep them when they have been removed.
    """
    return torch.compiler.set_stance("force_eager") if "torch._dynamo" in sys.modules else nullcontext()
