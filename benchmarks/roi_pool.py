"""RoIAlign of a detector on a CPU, forward and backward: our kernels against torchvision's operator, in turn.

    python -m benchmarks.roi_pool

One thread. The sizes are those of finetuning in the demo, and of COCO with images of 800 pixels. No row has a bound.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torchvision.ops import MultiScaleRoIAlign

from benchmarks.command import run
from benchmarks.row import Check, Row
from benchmarks.timing import alternate
from codo.detection.roi_pool import RoIPool
from codo.exporters.torchvision import roi_pool

ROUNDS = 7


class Size(NamedTuple):
    """Sizes of a step.

    Attributes:
        name: Where they come from.
        images: Of the step.
        side: Of an image in pixels.
        channels: Of the pyramid.
        boxes: That are sampled of an image.
    """

    name: str
    images: int
    side: int
    channels: int
    boxes: int


SIZES = (Size("demo", 4, 128, 32, 32), Size("COCO", 2, 800, 256, 512))


class Work:
    """One side: pools the boxes and computes the gradient."""

    def __init__(self, pool: MultiScaleRoIAlign, size: Size, maps: dict[str, Tensor]) -> None:
        self.pool, self.maps, self.sizes = pool, maps, [(size.side, size.side)] * size.images

    def __call__(self, boxes: list[Tensor]) -> list[Tensor]:
        """What is pooled, and the gradients of its sum of squares."""
        pooled = self.pool(self.maps, boxes, self.sizes)
        return [pooled, *torch.autograd.grad(pooled.square().sum(), list(self.maps.values()))]


def rows(options: argparse.Namespace) -> Iterator[Row]:
    torch.set_num_threads(1)
    for size in SIZES[: 1 if options.smoke else None]:
        rng = torch.Generator().manual_seed(0)
        shapes = [(size.images, size.channels, size.side // stride, size.side // stride) for stride in (4, 8, 16, 32)]
        maps = {
            str(level): torch.randn(shape, generator=rng).to(memory_format=torch.channels_last).requires_grad_()
            for level, shape in enumerate(shapes)
        }
        boxes = [drawn(size, rng) for _ in range(size.images)]
        scale = 224 * size.side / 800
        plain = MultiScaleRoIAlign(list(maps), 7, 2, canonical_scale=scale)
        theirs, ours = Work(plain, size, maps), Work(RoIPool(roi_pool(7, scale)), size, maps)
        same = all(torch.equal(a, b) for a, b in zip(theirs(boxes), ours(boxes), strict=True))
        times = alternate(theirs, ours, [boxes], rounds=1 if options.smoke else ROUNDS)
        yield Row(
            "finetuning",
            f"RoIAlign forward and backward, {size.name}: {size.images} x {size.boxes} boxes, {size.side} pixels",
            "ms",
            **times.spreads(1e-3),
            reference_is="torchvision",
            checks=(Check("results and gradients are equal to the last bit", same),),
        )


def drawn(size: Size, rng: torch.Generator) -> Tensor:
    """Boxes (n, 4) of all sizes."""
    sides = size.side * (0.05 + 0.6 * torch.rand(size.boxes, 2, generator=rng))
    corner = (size.side - sides) * torch.rand(size.boxes, 2, generator=rng)
    return torch.cat([corner, corner + sides], 1)


if __name__ == "__main__":
    run(__doc__, rows)
