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

from codo.core.errors import CodoError
from codo.core.signals import STOPPED, StopSignal, until_stopped
from codo.methods.base import Method
from codo.models.batch_statistics import gathered, tracking_layers
from codo.training.distributed import DistributedContext
from codo.training.trainer import patience, to_device


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
    layers = [layer for layer in tracking_layers([method]) if layer.training]
    with gathered(layers) as moments:  # the forward passes update the buffers, which it restores
        complete = _pass(method, batches, context, bf16, stop)
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
    for batch in until_stopped(batches, stop, patience(context)):
        if batch is STOPPED:
            assert stop is not None
            return not context.highest(stop.number)  # the others ask after their batch
        if isinstance(batch, CodoError):
            raise batch
        with torch.autocast(context.device.type, torch.bfloat16, enabled=bf16):
            method(to_device(batch, context.device))
        if stop is not None and context.highest(stop.number):
            return False
    return True
