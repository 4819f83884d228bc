"""BatchNorm that normalizes parts of a batch separately, as if each part had gone through the network alone.

All other layers treat samples independently, so only BatchNorm needs to be aware of the parts, and convolutions run
once on the whole batch. Time of a CoDo step on one core, compared with one pass for each part: 5.3 instead of 7.4 s
(ResNet-50, 8 groups of 2 images at 128 pixels), 0.81 instead of 1.18 s (`laptop`, 8 groups of 8), 7.4 instead of 7.3 s
(ResNet-50, 2 groups of 4 at 224).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class GroupedBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm of ``groups`` contiguous parts of the batch, one after the other.

    Attributes:
        groups: Number of parts; `grouped` sets it during a forward pass.
    """

    groups: int = 1

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W); each part in turn updates the running statistics."""
        if self.groups == 1 or not self.training:
            return super().forward(x)
        return torch.cat([super(GroupedBatchNorm2d, self).forward(part) for part in x.chunk(self.groups)])


class GroupedBatchNorm1d(nn.BatchNorm1d):
    """The same for vectors (B, C), as in a projection.

    Attributes:
        groups: See `GroupedBatchNorm2d`.
    """

    groups: int = 1

    def forward(self, x: Tensor) -> Tensor:
        """(B, C) -> (B, C); each part in turn updates the running statistics."""
        if self.groups == 1 or not self.training:
            return super().forward(x)
        return torch.cat([super(GroupedBatchNorm1d, self).forward(part) for part in x.chunk(self.groups)])


GROUPED = (GroupedBatchNorm1d, GroupedBatchNorm2d)


def make_groupable(module: nn.Module) -> None:
    """Replace the BatchNorm layers inside a module by grouped ones with the same parameter objects."""
    for name, child in module.named_children():
        if type(child) not in (nn.BatchNorm1d, nn.BatchNorm2d):
            make_groupable(child)
            continue
        assert isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d)
        grouped_norm = GroupedBatchNorm2d if isinstance(child, nn.BatchNorm2d) else GroupedBatchNorm1d
        norm = grouped_norm(child.num_features, child.eps, child.momentum, child.affine, child.track_running_stats)
        norm._parameters, norm._buffers = child._parameters, child._buffers
        setattr(module, name, norm.train(child.training))


def is_groupable(module: nn.Module) -> bool:
    """Whether all BatchNorm layers support groups or, in evaluation mode, do not need to.

    timm's, which are fused with their activation, do not support them.
    """
    norms = (one for one in module.modules() if isinstance(one, _BatchNorm))
    return all(isinstance(one, GROUPED) or not one.training for one in norms)


@contextmanager
def grouped(module: nn.Module, groups: int) -> Iterator[None]:
    """Context in which the BatchNorm layers of the module normalize ``groups`` parts separately."""
    norms = [one for one in module.modules() if isinstance(one, GROUPED)]
    for norm in norms:
        norm.groups = groups
    try:
        yield
    finally:
        for norm in norms:
            norm.groups = 1
