"""Training steps to be timed: a batch of views, CoDo as the loop drives it, and tiny versions for ``--smoke``."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from codo.contrast.infonce import ContrastSettings
from codo.loading.step_dataset import ViewBatch
from codo.methods.base import Setup
from codo.methods.codo import CoDo
from codo.models.encoder import ModelSettings
from codo.optim.optimizer import OptimSettings, build_optimizer
from codo.training.pretrain_settings import PretrainSettings
from codo.training.trainer import trained

TINY = ModelSettings(backbone="resnet18", width=0.125, fpn_channels=16, head="1conv1fc", head_dim=32, embedding_dim=16)
OPTIM = OptimSettings()


@dataclass(frozen=True)
class Size:
    """What is trained on what.

    Attributes:
        batch: B.
        views: V.
        groups: BatchNorm groups (``contrast.bn_groups``).
        canvas: Side of a view.
        queue: K.
        model: The architecture.
    """

    batch: int
    views: int = 2
    groups: int = 8
    canvas: int = 224
    queue: int = 65536
    model: ModelSettings = field(default_factory=ModelSettings)

    def tiny(self) -> Size:
        """The same with next to nothing to do."""
        return Size(8, self.views, 2, 64, 256, TINY)


def settings(size: Size) -> PretrainSettings:
    """A run of such steps, for counting them."""
    values = {"foregrounds": "-", "backgrounds": ["-"], "out": "-", "batch_size": size.batch, "views": size.views}
    contrast = {"queue": size.queue, "bn_groups": size.groups}
    model = size.model.model_dump()
    return PretrainSettings.model_validate({**values, "canvas": size.canvas, "contrast": contrast, "model": model})


def method(size: Size, device: torch.device, world: int = 1, *, symmetric: bool = False) -> CoDo:
    """CoDo with random weights, laid out as `codo.training.pretrain` does; a symmetric loss has no queue."""
    torch.manual_seed(0)
    contrast = ContrastSettings(
        queue=size.queue, bn_groups=size.groups, negatives="batch" if symmetric else "queue", symmetric=symmetric
    )
    made = CoDo(Setup(size.model, contrast, batch_size=size.batch, world=world)).train()
    return made.to(device).to(memory_format=torch.channels_last)


def views(size: Size, device: torch.device) -> ViewBatch:
    """Random pixels and boxes on the device."""
    draw = torch.Generator().manual_seed(1)
    shape = (size.views, size.batch)
    images = torch.randint(0, 256, (*shape, size.canvas, size.canvas, 3), dtype=torch.uint8, generator=draw)
    corner = size.canvas * 0.4 * torch.rand(*shape, 2, generator=draw)
    sides = size.canvas * (0.3 + 0.3 * torch.rand(*shape, 2, generator=draw))
    boxes = torch.cat([corner, corner + sides], dim=2)
    order = torch.randperm(size.batch, generator=draw)
    parts = (images[0], boxes[0], images[1:, order], boxes[1:, order], order)
    return ViewBatch(*(part.to(device) for part in parts), step=1)


class OurStep:
    """A step as `codo.training.trainer` does it.

    Args:
        of: What is trained.
        bf16: Under autocast to bfloat16.
        compiled: Its encoders by torch.compile.
    """

    def __init__(self, of: CoDo, *, bf16: bool, compiled: bool = False) -> None:
        self.method, self.bf16 = of, bf16
        self.device = of.mean.device
        self.optimizer = build_optimizer(of, OPTIM, self.device)
        if compiled:
            for module in of.compilable():
                module.compile()

    def __call__(self, batch: ViewBatch) -> torch.Tensor:
        """One step; returns its loss, on the device."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            output = self.method(batch)
        output.loss.backward()
        torch.nn.utils.clip_grad_norm_(trained(self.method), float("inf"))
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.method.on_step_end()
        return output.loss.detach()
