"""What a step computes, moves and keeps, counted on the model itself without computing anything (the meta device).

Every operator is counted with its floating-point operations and with the bytes of its inputs and outputs, as if nothing
were fused and nothing stayed in a cache; it takes the longer of computing and moving them (the roofline). A step is at
best that fast without fusion. Legend: b samples of a GPU, V views, L levels, K queue, D embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from codo.contrast.infonce import info_nce
from codo.models.encoder import LEVELS, Encoder, ModelSettings

FLOAT, HALF = 4, 2
"""Bytes of float32 and bfloat16."""


class Operations(TorchDispatchMode):
    """Counts the operators that run inside of it.

    Attributes:
        each: (floating-point operations, bytes) of every operator.
    """

    def __init__(self) -> None:
        super().__init__()
        self.each: list[tuple[float, float]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operator and count it."""
        out = func(*args, **(kwargs or {}))
        if not func.is_view and func.overloadpacket not in _FREE:
            count = flop_registry.get(func.overloadpacket)
            work = float(count(*args, **(kwargs or {}), out_val=out)) if count else 0.0
            moved = sum(map(_bytes, tree_leaves((args, kwargs, out))))
            self.each.append((work, float(moved)))
        return out

    @property
    def flops(self) -> float:
        """Floating-point operations."""
        return sum(work for work, _ in self.each)

    def seconds(self, flops: float, bandwidth: float) -> float:
        """Time on a device of ``flops`` a second and ``bandwidth`` bytes a second."""
        return sum(max(work / flops, moved / bandwidth) for work, moved in self.each)


_FREE = {torch.ops.aten.detach, torch.ops.aten._unsafe_view, torch.ops.aten.empty, torch.ops.aten.empty_like}
"""Operators that move nothing although they are no views."""


def _bytes(value: Any) -> int:
    return value.numel() * value.element_size() if isinstance(value, Tensor) else 0


@dataclass(frozen=True)
class Step:
    """The work of one GPU in one step.

    Attributes:
        operations: All operators.
        trained: Parameters that take gradients.
        weights: Bytes that stay: weights, gradients, momentum, key encoder, queues.
        saved: Bytes kept for the backward pass.
        logits: Bytes of the logits of one level.
    """

    operations: Operations
    trained: int
    weights: int
    saved: int
    logits: int

    @property
    def memory(self) -> int:
        """The floor of the peak."""
        return self.weights + self.saved + self.logits


def count_step(model: ModelSettings, *, batch: int, views: int, groups: int, canvas: int, queue: int) -> Step:
    """Count a step of CoDo in bfloat16 with float32 weights.

    Args:
        model: The architecture.
        batch: b, samples of this GPU.
        views: V.
        groups: BatchNorm groups of this GPU.
        canvas: Side of a view.
        queue: K.
    """
    with torch.device("meta"):
        encoder = Encoder(model.model_copy(update={"init": "none"})).to(torch.bfloat16)
        key = Encoder(model.model_copy(update={"init": "none"})).to(torch.bfloat16).requires_grad_(False)
        images = torch.empty(batch, canvas, canvas, 3, dtype=torch.uint8)
        boxes = torch.empty(batch, 4)
        negatives = torch.empty(len(LEVELS), queue, model.dim)
    kept: dict[int, int] = {}
    trained = sum(p.numel() for p in encoder.parameters())
    with Operations() as operations:
        with saved(kept, encoder):
            queries = encoder(pixels(images), boxes, groups)
        with torch.no_grad():
            keys = torch.stack([key(pixels(images), boxes, groups) for _ in range(1, views)])
        info_nce(queries, keys, negatives).losses.sum().backward()  # type: ignore[no-untyped-call]
    # What is done once a step, in float32: weights cast for both encoders; SGD reads three tensors and writes two; the
    # key encoder's average reads two and writes one.
    moved = trained * (2 * (FLOAT + HALF) + 5 * FLOAT + 3 * FLOAT)
    operations.each.append((0.0, float(moved)))
    negatives_bytes = _bytes(negatives)
    return Step(
        operations=operations,
        trained=trained,
        weights=4 * FLOAT * trained + HALF * trained + negatives_bytes,  # the bf16 copies stay until the backward pass
        saved=sum(kept.values()),
        logits=batch * queue * FLOAT,
    )


def pixels(images: Tensor) -> Tensor:
    """uint8 ``(b, S, S, 3)`` to bfloat16 ``(b, 3, S, S)``: what `Method.pixels` and autocast do."""
    return images.permute(0, 3, 1, 2).float().sub(0.5).div(0.5).to(torch.bfloat16)


@contextmanager
def saved(kept: dict[int, int], module: nn.Module) -> Iterator[None]:
    """Collect the bytes of everything that autograd keeps, weights apart: storage -> bytes."""
    weights = {_storage(p) for p in module.parameters()}

    def pack(tensor: Tensor) -> Tensor:
        if _storage(tensor) not in weights:
            kept[_storage(tensor)] = tensor.untyped_storage().nbytes()
        return tensor

    same: Callable[[Tensor], Tensor] = lambda tensor: tensor  # noqa: E731
    with torch.autograd.graph.saved_tensors_hooks(pack, same):
        yield


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata
