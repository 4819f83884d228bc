"""What ``compile=true`` does to a training step, with a backend that runs graphs as they are and counts them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from codo.models.forward_passes import eagerly


class Counted:
    """The backend.

    Attributes:
        graphs: Number of graphs compiled.
        calls: Number of times that one was run.
    """

    def __init__(self) -> None:
        self.graphs = self.calls = 0

    def __call__(self, graph: torch.fx.GraphModule, _: Any) -> Callable[..., Any]:
        self.graphs += 1

        def run(*inputs: Any) -> Any:
            self.calls += 1
            return graph.forward(*inputs)

        return run


def check_compiled_step(make: Callable[[], Any], data: Any, passes: int) -> None:
    """A step runs compiled code in every pass of an encoder, and computes what it does without.

    Args:
        make: Builds the method, in training mode, with the same weights every time.
        data: A batch.
        passes: Passes of encoders in a step.
    """
    torch.compiler.reset()
    plain, fast, counted = make(), make(), Counted()
    for module in fast.compilable():
        module.compile(backend=counted)
    assert fast.state_dict().keys() == plain.state_dict().keys()
    with eagerly():  # as the probes do
        fast(data)
    assert counted.calls == 0
    plain(data)
    losses = [method(data).loss for method in (plain, fast)]
    assert counted.calls == passes
    assert torch.allclose(*losses, rtol=1e-5)
    for loss in losses:
        loss.backward()
    for (name, one), other in zip(plain.named_parameters(), fast.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None), name
        assert one.grad is None or torch.allclose(one.grad, other.grad, rtol=1e-3, atol=1e-5), name
    graphs = counted.graphs
    fast(data)
    assert (counted.graphs, counted.calls) == (graphs, 2 * passes)
