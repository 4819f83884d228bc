"""Image-level methods in small, and batches of random crops for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from codo.contrast.infonce import ContrastSettings
from codo.loading.crop_dataset import CropBatch
from codo.methods.base import Method, Setup
from codo.models.encoder import ModelSettings

MODEL = ModelSettings(backbone="resnet18", width=0.125, embedding_dim=12)
B, S = 6, 32


def build(cls: type[Method], classes: int = 0, steps: int = 100, contrast: Any = None, **options: Any) -> Any:
    """A method in training mode; ``options`` are its own settings."""
    torch.manual_seed(0)
    settings = ContrastSettings.model_validate({"temperature": 0.1, "momentum": 0.9, **(contrast or {})})
    own = cls.Options.model_validate(options)
    return cls(Setup(MODEL, settings, own, batch_size=B, steps=steps, classes=classes)).train()


def batch(views: int = 2, sides: tuple[int, ...] = (), seed: int = 0, step: int = 0) -> CropBatch:
    """Random pixels: ``views`` of side S, or one view of each of the ``sides``."""
    generator = torch.Generator().manual_seed(seed)
    made = tuple(
        torch.randint(0, 256, (B, side, side, 3), dtype=torch.uint8, generator=generator)
        for side in (sides or (S,) * views)
    )
    return CropBatch(made, torch.arange(B) % 3, step)


def projections(method: Any, data: CropBatch) -> list[Tensor]:
    """The projection ``(B, D)`` of each view."""
    return [method.encoder.project(view) for view in method.views(data)]
