"""Counts operations, memory traffic and memory of a step by running the method on fake tensors.

Fake tensors have shapes and types but no contents. The method runs on them in the precision of a real step. Every
operator is counted with its floating-point operations and with the bytes of its inputs and outputs, as if nothing were
fused or cached. Its time is the longer of computing and moving (the roofline); without fusion no step is faster.

Not counted: BatchNorm's second pass over its input, and the samples of other ranks in a loss (those of
`contrast.negatives=batch` are added by `codo.planning.gathered_negatives`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DynamicOutputShapeException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import conv_flop_count, flop_registry

from codo.core.errors import InputError
from codo.methods.base import Method
from codo.methods.freezing import freeze
from codo.methods.momentum_contrast import MomentumContrast
from codo.methods.registry import build_method, find_method
from codo.planning.synthetic_batch import CLASSES, stretched, synthetic_batch, synthetic_dataset
from codo.training.anchoring import apply_anchor
from codo.training.pretrain_settings import PretrainSettings, method_setup

FLOAT = 4
"""Bytes of a float32."""


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types there
    """Counts the operators that run in its context.

    Attributes:
        each: (floating-point operations, bytes) of every operator.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no types there
        self.each: list[tuple[float, float]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operator and count it."""
        out = func(*args, **(kwargs or {}))
        if not func.is_view and func.overloadpacket not in _FREE and func.namespace != "prim":
            count = _COUNTS.get(func.overloadpacket) or flop_registry.get(func.overloadpacket)
            work = float(count(*args, **(kwargs or {}), out_val=out)) if count else 0.0
            moved = sum(map(_bytes, tree_leaves((args, kwargs, out))))
            self.each.append((work, float(moved)))
        return out

    @property
    def flops(self) -> float:
        """Floating-point operations."""
        return sum(work for work, _ in self.each)

    def seconds(self, flops: float, bandwidth: float) -> float:
        """Time on a device with ``flops`` operations per second and ``bandwidth`` bytes per second."""
        return sum(max(work / flops, moved / bandwidth) for work, moved in self.each)


def _convolution_backward(grad: Tensor, images: Tensor, weight: Tensor, *options: Any, out_val: Any) -> int:
    """Operations of the gradients of a convolution: each that is wanted takes as many as the forward pass.

    torch 2.15.0 counts that of the weights without regard to groups, for depthwise convolutions too high by the number
    of channels (`findings/torch_flops_of_grouped_convolutions.sh`).
    """
    *_, transposed, _output_padding, _groups, wanted = options  # the last: of images, weights, bias
    forward: int = conv_flop_count(list(images.shape), list(weight.shape), list(grad.shape), transposed=transposed)
    return forward * (int(wanted[0]) + int(wanted[1]))


_COUNTS: dict[Any, Any] = {torch.ops.aten.convolution_backward: _convolution_backward}
"""Operators that are counted here and not by torch."""

_FREE = {torch.ops.aten.detach, torch.ops.aten._unsafe_view, torch.ops.aten.empty, torch.ops.aten.empty_like}
"""Operators that move no data although they are not views."""


def _bytes(value: Any) -> int:
    return value.numel() * value.element_size() if isinstance(value, Tensor) else 0


@dataclass(frozen=True)
class Step:
    """The work of one GPU in one step.

    Attributes:
        samples: Samples on this GPU.
        views: Views per sample.
        operations: All operators.
        trained: Number of parameters with gradients.
        weights: Bytes allocated for the whole run: weights of all networks, gradients, momentum, queues.
        saved: Bytes kept for the backward pass.
        levels: Embeddings computed for each key view; 0 for methods without queues.
        whole_loss: Whether the loss was counted too.
        gathered: Bytes of this GPU's embeddings that the other GPUs need: those of the momentum encoder or, without
            one, of all views; 0 for methods without them.
    """

    samples: int
    views: int
    operations: Operations
    trained: int
    weights: int
    saved: int
    levels: int
    whole_loss: bool
    gathered: int = 0

    @property
    def memory(self) -> int:
        """Lower bound of the peak memory: permanent memory and what is kept at the end of the forward pass."""
        return self.weights + self.saved


def count_step(settings: PretrainSettings, samples: int, images: int = 1) -> Step:
    """Count a step of a run with float32 weights; with ``model.unfreeze_at`` a step after it.

    Args:
        settings: The run's settings; it computes in bfloat16 unless they say ``precision=fp32``.
        samples: Samples on this GPU.
        images: Number of training images, for methods that remember each.

    Raises:
        InputError: The method needs actual data to run.
    """
    found = find_method(settings.method)
    if found.views_need_preparation and found.prepare_data is not Method.prepare_data:
        what = f"a step of {settings.method} cannot be counted: its views depend on all images"
        raise InputError(what, where="method", fix="plan another method of the same networks")
    dataset = synthetic_dataset(settings)
    batch, bf16 = synthetic_batch(dataset), settings.precision != "fp32"
    try:
        return _count(_build(settings, samples, images), batch, samples, dataset.num_views, bf16=bf16)
    except DynamicOutputShapeException:
        # A loss that selects by a mask (lightly's NT-Xent): its shapes depend on values. It is replaced by a sum.
        method = _build(settings, samples, images)
        method.criterion = _Sum()
    try:
        return _count(method, batch, samples, dataset.num_views, bf16=bf16, whole_loss=False)
    except DynamicOutputShapeException as error:
        what = f"a step of {settings.method} cannot be counted: its computation depends on pixel values ({error})"
        raise InputError(what, where="method", fix="plan another method of the same networks") from error


def _build(settings: PretrainSettings, samples: int, images: int) -> Method:
    setup = method_setup(settings, classes=CLASSES, images=images)
    setup = replace(
        setup,
        model=settings.model.model_copy(update={"init": "none"}),
        # One BatchNorm group: several groups repeat operators on parts, which moves nearly the same bytes.
        contrast=setup.contrast.model_copy(update={"bn_groups": 0}),
        batch_size=samples,
    )
    with torch.device("meta"):
        method = build_method(settings.method, setup).to(memory_format=torch.channels_last)
    freeze(method, settings.model.frozen_throughout)
    loaded = ("backbone",) if settings.model.init == "imagenet" else method.parts  # files are not opened for a plan
    apply_anchor(method, settings.anchor, loaded, settings.model.frozen_throughout)
    return method


def _count(method: Method, small: Any, samples: int, views: int, *, bf16: bool, whole_loss: bool = True) -> Step:
    kept: dict[int, int] = {}
    gathered: list[int] = []
    if isinstance(method, MomentumContrast):
        encoder = method.query if method.end_to_end else method.key
        encoder.register_forward_hook(lambda module, inputs, rows: gathered.append(_bytes(rows)))
    with _quietly(), FakeTensorMode(allow_non_fake_inputs=True):
        method.train().to_empty(device="cpu")  # autocast does not support the meta device
        batch = stretched(small, samples)
        trained = sum(p.numel() for p in method.parameters() if p.requires_grad)
        permanent = sum(map(_bytes, [*method.parameters(), *method.buffers()])) + 2 * FLOAT * trained
        with Operations() as operations:
            with saved(kept, method), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                output = method(batch)
            output.loss.backward()
            method.on_step_end()
    # Per parameter, the gradient's norm reads one number; fused SGD reads three and writes two.
    operations.each.append((0.0, 6.0 * FLOAT * trained))
    levels = len(getattr(method, "levels", ()))
    memory = sum(kept.values())
    return Step(samples, views, operations, trained, permanent, memory, levels, whole_loss, sum(gathered))


@contextmanager
def saved(kept: dict[int, int], module: nn.Module) -> Iterator[None]:
    """Collect the bytes of everything that autograd keeps, except float32 weights: storage -> bytes."""
    weights = {_storage(p) for p in module.parameters()}

    def pack(tensor: Tensor) -> Tensor:
        if _storage(tensor) not in weights:
            kept[_storage(tensor)] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


class _Sum(nn.Module):
    def forward(self, *embeddings: Tensor) -> Tensor:
        return torch.stack([one.sum() for one in embeddings]).sum()


@contextmanager
def _quietly() -> Iterator[None]:
    """Suppress torch's log messages about operators that it could not fake."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
