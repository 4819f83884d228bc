"""BatchNorm statistics of given data: for precise BN (`codo.detection.precise_bn`) and probes of untrained networks.

The running statistics of an untrained network are mean 0 and variance 1, whatever its weights: in evaluation mode it
then computes something that no trained network computes. `data_statistics` gives its layers, for a while, the mean and
variance of what passes through them, as a trained network would have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from codo.models.forward_passes import eagerly

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
        self.add(inputs[0])

    def add(self, inputs: Tensor) -> tuple[Tensor, Tensor] | None:
        """Add a batch; returns its mean and variance ``(C,)`` in float64, ``None`` for a batch without values."""
        values, others = inputs.detach().float(), [0, *range(2, inputs.ndim)]
        count = values.numel() // max(1, values.shape[1])
        if not count:  # no object in any image of the batch
            return None
        # The variance about the batch mean is accurate; float32 sums of squares would lose digits. On CPUs
        # two means take a tenth to a half of the time of `torch.var_mean`.
        mean = values.mean(others, keepdim=True)
        variance = (values - mean).square_().mean(others).double()
        mean = mean.flatten().double()
        self.sums += torch.stack([torch.ones_like(mean), mean, variance + mean**2]) * count
        return mean, variance

    def write(self, layer: BatchNorm) -> None:
        """Write the mean, and the variance with Bessel's correction as in torch's running statistics, to the layer."""
        count, total, squares = self.sums
        if count[0] < 2:
            return
        mean = total / count
        variance = (squares / count - mean**2).clamp(min=0) * count / (count - 1)
        _assign(layer, mean, variance)


class BatchMoments(Moments):
    """`Moments` that make the layer normalize every batch by the batch's own statistics, without training mode.

    In training mode SyncBatchNorm would wait for other processes, and layers such as dropout would act.
    """

    def __call__(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Add a batch, and write its statistics to the layer before the layer is computed."""
        found = self.add(inputs[0])
        if found is not None:
            assert isinstance(layer, BatchNorm)
            _assign(layer, *found)


@contextmanager
def gathered(layers: Sequence[BatchNorm], kind: type[Moments] = Moments) -> Iterator[list[Moments]]:
    """Context that gathers the moments of all inputs of the layers; the layers' buffers are restored at its end."""
    moments = [kind(layer) for layer in layers]
    with kept_buffers(layers), ExitStack() as hooks:
        for layer, moment in zip(layers, moments, strict=True):
            hooks.callback(layer.register_forward_pre_hook(moment).remove)
        yield moments


@contextmanager
def kept_buffers(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Context that restores the buffers of the modules at its end."""
    buffers = [(buffer, buffer.clone()) for module in modules for buffer in module.buffers(recurse=False)]
    try:
        yield
    finally:
        for buffer, before in buffers:
            buffer.copy_(before)


@contextmanager
@torch.no_grad()
def data_statistics(layers: Sequence[BatchNorm], forward: Callable[[], object]) -> Iterator[None]:
    """Context in which layers in evaluation mode have the statistics of data; their buffers are restored at its end.

    No parameter, mode or random state changes.

    Args:
        layers: The layers, in evaluation mode; without any, ``forward`` is not called.
        forward: Passes the data through the network, in one or several batches of which each is normalized by itself.
            Layers that receive no value keep their statistics.
    """
    if not layers:
        yield
        return
    with eagerly(), gathered(layers, BatchMoments) as moments:
        forward()
    with kept_buffers(layers):
        for layer, moment in zip(layers, moments, strict=True):
            moment.write(layer)
        yield


def tracking_layers(modules: Iterable[nn.Module]) -> list[BatchNorm]:
    """The BatchNorm layers with running statistics among all submodules, each once."""
    found = (layer for module in modules for layer in module.modules())
    return list(dict.fromkeys(layer for layer in found if isinstance(layer, BatchNorm) and layer.track_running_stats))


def running(layer: BatchNorm) -> tuple[Tensor, Tensor]:
    """Running mean and variance ``(C,)`` of a layer with ``track_running_stats``."""
    assert layer.running_mean is not None
    assert layer.running_var is not None
    return layer.running_mean, layer.running_var


def _assign(layer: BatchNorm, *values: Tensor) -> None:
    for buffer, value in zip(running(layer), values, strict=True):
        buffer.copy_(value)
