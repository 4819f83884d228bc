"""Detectron2's and mmdet's trunks, from nothing but the names of their tensors.

What these libraries compute is written down here a second time, without our encoder and without our tables of names: an
oracle for files that the real libraries cannot load on this machine. One table of names stands for each library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}


@dataclass(frozen=True)
class Names:
    """Convolution and norm of every place; stages count from 1, blocks from 0, levels from 2, head layers from 1."""

    stem: tuple[str, str]
    block: tuple[str, str]
    shortcut: tuple[str, str]
    lateral: tuple[str, str]
    output: tuple[str, str]
    head: tuple[str, str]
    fc: str


def _normed(convolution: str) -> tuple[str, str]:
    return convolution, f"{convolution}.norm"


DETECTRON2 = Names(
    stem=_normed("backbone.bottom_up.stem.conv1"),
    block=_normed("backbone.bottom_up.res{stage_plus_1}.{block}.conv{k}"),
    shortcut=_normed("backbone.bottom_up.res{stage_plus_1}.{block}.shortcut"),
    lateral=_normed("backbone.fpn_lateral{level}"),
    output=_normed("backbone.fpn_output{level}"),
    head=_normed("roi_heads.box_head.conv{k}"),
    fc="roi_heads.box_head.fc{k}",
)
MMDET = Names(
    stem=("backbone.conv1", "backbone.bn1"),
    block=("backbone.layer{stage}.{block}.conv{k}", "backbone.layer{stage}.{block}.bn{k}"),
    shortcut=("backbone.layer{stage}.{block}.downsample.0", "backbone.layer{stage}.{block}.downsample.1"),
    lateral=("neck.lateral_convs.{level_minus_2}.conv", "neck.lateral_convs.{level_minus_2}.bn"),
    output=("neck.fpn_convs.{level_minus_2}.conv", "neck.fpn_convs.{level_minus_2}.bn"),
    head=("roi_head.bbox_head.shared_convs.{k_minus_1}.conv", "roi_head.bbox_head.shared_convs.{k_minus_1}.bn"),
    fc="roi_head.bbox_head.shared_fcs.{k_minus_1}",
)


@dataclass(frozen=True)
class Oracle:
    """A trunk of one library; keeps account of the tensors that it has read.

    Attributes:
        tensors: Its tensors by name.
        names: The library's names.
        depth: Of the ResNet.
        stride_in_1x1: Where the stride of a bottleneck is: in its first convolution, or in its second.
        read: Names that were used.
    """

    tensors: Mapping[str, Tensor]
    names: Names
    depth: int
    stride_in_1x1: bool
    read: set[str]

    def run(self, images: Tensor, pooled: Tensor, convolutions: int, layers: int) -> dict[str, Tensor]:
        """C2 to C5 and P2 to P5 of images, and box features of pooled boxes."""
        x = F.max_pool2d(F.relu(self.convolve(images, self.names.stem, stride=2)), 3, stride=2, padding=1)
        maps = {}
        for stage, blocks in enumerate(BLOCKS[self.depth], 1):
            for block in range(blocks):
                x = self.residual(x, 2 if stage > 1 and block == 0 else 1, stage=stage, block=block)
            maps[f"C{stage + 1}"] = x
        above = None
        for level in (5, 4, 3, 2):
            merged = self.convolve(maps[f"C{level}"], self.names.lateral, level=level)
            if above is not None:
                merged = merged + F.interpolate(above, scale_factor=2, mode="nearest")
            maps[f"P{level}"], above = self.convolve(merged, self.names.output, level=level), merged
        for k in range(1, convolutions + 1):
            pooled = F.relu(self.convolve(pooled, self.names.head, k=k))
        box = pooled.flatten(1)
        for k in range(1, layers + 1):
            name = _fill(self.names.fc, k=k)
            box = F.relu(F.linear(box, self.take(f"{name}.weight"), self.take(f"{name}.bias")))
        return {**maps, "box head": box}

    def residual(self, x: Tensor, stride: int, *, stage: int, block: int) -> Tensor:
        """A basic block for depths 18 and 34, a bottleneck for others."""
        strides = (stride, 1)
        if self.depth >= 50:
            strides = (stride, 1, 1) if self.stride_in_1x1 else (1, stride, 1)
        branch = x
        for k, one in enumerate(strides, 1):
            branch = self.convolve(branch, self.names.block, stride=one, stage=stage, block=block, k=k)
            branch = F.relu(branch) if k < len(strides) else branch
        where = {"stage": stage, "block": block}
        if f"{_fill(self.names.shortcut[0], **where)}.weight" in self.tensors:
            x = self.convolve(x, self.names.shortcut, stride=stride, **where)
        return F.relu(branch + x)

    def convolve(self, x: Tensor, names: tuple[str, str], stride: int = 1, **where: int) -> Tensor:
        """A convolution with its norm, or with its bias where there is none."""
        convolution, norm = (_fill(name, **where) for name in names)
        weight, normed = self.take(f"{convolution}.weight"), f"{norm}.weight" in self.tensors
        bias = None if normed else self.take(f"{convolution}.bias")
        x = F.conv2d(x, weight, bias, stride, padding=weight.shape[-1] // 2)
        if not normed:
            return x
        mean, var, gamma, beta = (self.take(f"{norm}.{n}") for n in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, mean, var, gamma, beta, eps=1e-5)

    def take(self, name: str) -> Tensor:
        """A tensor."""
        self.read.add(name)
        return self.tensors[name]


def _fill(template: str, **where: int) -> str:
    for name, value in list(where.items()):
        where |= {f"{name}_plus_1": value + 1, f"{name}_minus_1": value - 1, f"{name}_minus_2": value - 2}
    return template.format(**where)


@torch.no_grad()
def assert_same(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], names: tuple[str, ...]) -> None:
    """Equal to 1e-5 of the largest value, in all of these outputs."""
    for name in names:
        difference = (expected[name] - found[name]).abs().max() / expected[name].abs().max().clamp(min=1)
        assert difference <= 1e-5, name
