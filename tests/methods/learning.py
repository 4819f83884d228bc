"""What momentum contrast promises of gradients."""

from __future__ import annotations

from typing import Any

from torch import Tensor


def check_only_the_query_learns(method: Any, loss: Tensor) -> None:
    """Every parameter of the query encoder gets a gradient of the loss, none of the key encoder does."""
    loss.backward()
    assert all(parameter.grad is not None for parameter in method.query.parameters())
    assert all(parameter.grad is None for parameter in method.key.parameters())
