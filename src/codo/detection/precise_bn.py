"""Precise BN: BatchNorm statistics recomputed for the current weights (Wu and Johnson 2021, section 3).

Part of the finetuning protocol (docs/method.md#coco-finetuning).

The running statistics of training are a moving average over the last steps, computed with weights that have changed
since. The protocol of the papers replaces them before every evaluation (Detectron2's ``TEST.PRECISE_BN``): a number of
training batches passes through the detector in training mode, without gradients, and every layer gets the mean and
variance of all its inputs. Every value has the same weight, whatever the size of its batch.

Nothing else changes: no parameter, no optimizer state, no random number generator, no batch counter. Training never
reads running statistics, so it gives the same bits with and without precise BN. As in Detectron2 the statistics stay in
the detector, so that checkpoint, exported file and scores are consistent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from codo.core.errors import CodoError
from codo.methods.base import Method
from codo.training.distributed import DistributedContext, StopSignal
from codo.training.trainer import to_device

BatchNorm = nn.modules.batchnorm._BatchNorm


class Moments:
    """Count, sum and sum of squares per channel of all inputs of one layer, in float64.

    Args:
        layer: The layer; its running mean gives the number of channels and the device.
    """

    def __init__(self, layer: BatchNorm) -> None:
        channels = len(running(layer)[0])
        # One tensor, so that one collective adds it up over the processes: row 0 counts, 1 sums, 2 sums squares.
        self.sums = torch.zeros(3, channels, dtype=torch.float64, device=running(layer)[0].device)

    def __call__(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Add a batch ``(b, C, …)``; called as a forward pre-hook of the layer."""
        values = inputs[0].detach().float()
        count = values.numel() // max(1, values.shape[1])
        if not count:  # no object in any image of the batch
            return
        # The variance about the batch mean is accurate; float32 sums of squares would lose digits.
        variance, mean = torch.var_mean(values, [0, *range(2, values.ndim)], correction=0)
        mean, variance = mean.double(), variance.double()
        self.sums += torch.stack([torch.ones_like(mean), mean, variance + mean**2]) * count

    def write(self, layer: BatchNorm) -> None:
        """Write the mean, and the variance with Bessel's correction as in torch's running statistics, to the layer."""
        count, total, squares = self.sums
        if count[0] < 2:
            return
        mean = total / count
        variance = (squares / count - mean**2).clamp(min=0) * count / (count - 1)
        for buffer, value in zip(running(layer), (mean, variance), strict=True):
            buffer.copy_(value)


def recompute_statistics(
    method: Method,
    batches: Iterable[Any],
    context: DistributedContext,
    *,
    bf16: bool = False,
    stop: StopSignal | None = None,
) -> None:
    """Replace the running statistics of every layer in training mode by those of ``batches``.

    Args:
        method: On the device of ``context``; left in training mode. Layers that stay in evaluation mode during training
            (frozen ones), and layers that receive no value, keep their statistics.
        batches: The batches of this process, equally many in every process; the result is over all processes.
        context: Rank, world size and device of this process.
        bf16: Whether to compute under bfloat16 autocast, as in training.
        stop: If any process receives a stop signal, returns early and leaves all statistics unchanged.

    Raises:
        CodoError: A batch cannot be read; all statistics are unchanged.
    """
    method.train()
    layers = [
        layer
        for layer in method.modules()
        if isinstance(layer, BatchNorm) and layer.training and layer.track_running_stats
    ]
    # The forward passes update these buffers; they are restored before the new statistics are written.
    before = [{name: buffer.clone() for name, buffer in layer.named_buffers()} for layer in layers]
    moments = [Moments(layer) for layer in layers]
    hooks = [layer.register_forward_pre_hook(moment) for layer, moment in zip(layers, moments, strict=True)]
    complete = False
    try:
        complete = _pass(method, batches, context, bf16, stop)
    finally:
        for hook in hooks:
            hook.remove()
        for layer, buffers in zip(layers, before, strict=True):
            for name, buffer in layer.named_buffers():
                buffer.copy_(buffers[name])
    if not complete:
        return
    for layer, moment in zip(layers, moments, strict=True):
        if context.world > 1:
            dist.all_reduce(moment.sums)
        moment.write(layer)


@torch.no_grad()
def _pass(
    method: Method, batches: Iterable[Any], context: DistributedContext, bf16: bool, stop: StopSignal | None
) -> bool:
    """Run the batches through the method; whether all of them were processed."""
    for batch in batches:
        if isinstance(batch, CodoError):
            raise batch
        with torch.autocast(context.device.type, torch.bfloat16, enabled=bf16):
            method(to_device(batch, context.device))
        if stop is not None and context.highest(stop.number):
            return False
    return True


def running(layer: BatchNorm) -> tuple[Tensor, Tensor]:
    """Running mean and variance ``(C,)`` of a layer with ``track_running_stats``."""
    assert layer.running_mean is not None
    assert layer.running_var is not None
    return layer.running_mean, layer.running_var
