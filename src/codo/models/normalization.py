"""Mean and standard deviation with which images are normalized: those that the initial weights were trained with.

Settings that leave them open (``model.mean=null``) are resolved once, when a run starts, and recorded in its settings.
Records made before these settings existed have none: their images were normalized with ImageNet's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from codo.core.run import is_run, open_run

PIXEL_MEAN = (0.485, 0.456, 0.406)
PIXEL_STD = (0.229, 0.224, 0.225)
"""Mean and standard deviation of RGB values in 0..1 on ImageNet, as in torchvision."""

Channels = tuple[float, float, float]


@dataclass(frozen=True)
class Normalization:
    """What is subtracted from RGB images, and what they are divided by.

    Attributes:
        mean: Of R, G and B in 0..1.
        std: Of R, G and B in 0..1.
    """

    mean: Channels = PIXEL_MEAN
    std: Channels = PIXEL_STD

    def tensors(self, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
        """Mean and deviation in 0..255, both (3, 1, 1)."""
        mean, std = (255 * torch.tensor(values, device=device).view(3, 1, 1) for values in (self.mean, self.std))
        return mean, std

    def __str__(self) -> str:
        """Both in words: ``mean 0.5, 0.5, 0.5, standard deviation 0.5, 0.5, 0.5``."""
        mean, std = (", ".join(f"{value:.4g}" for value in values) for values in (self.mean, self.std))
        return f"mean {mean}, standard deviation {std}"


IMAGENET = Normalization()


def start_normalization(source: str, backbone: str) -> Normalization:
    """The normalization that initial weights were trained with.

    Args:
        source: ``none``, ``imagenet``, a run, or a weight file.
        backbone: Name of the backbone.

    Returns:
        What a run of CoDo, or a file exported by it, records; what the names or values of other weights tell
        (`codo.models.foreign_pixels`); timm's for its models; else ImageNet's, also for random weights.

    Raises:
        InputError: The file cannot be read.
    """
    if source == "none":
        return IMAGENET
    if source != "imagenet":
        if is_run(source):
            return _recorded(open_run(source).config.get("model", {}))
        from codo.models.pretrained import recorded_model  # which imports this module

        if (model := recorded_model(Path(source))) is not None:
            return model.normalization
        from codo.models.foreign_pixels import file_normalization

        if (own := file_normalization(Path(source))) is not None:
            return own
    return timm_normalization(backbone) or IMAGENET


def timm_normalization(backbone: str) -> Normalization | None:
    """The normalization in timm's ``pretrained_cfg`` of ``timm:NAME``; ``None`` for others, or without timm."""
    if not backbone.startswith("timm:"):
        return None
    try:
        import timm
    except ImportError:
        return None  # building the backbone raises the error
    config = timm.get_pretrained_cfg(backbone.removeprefix("timm:"))
    return None if config is None else Normalization(_channels(config.mean), _channels(config.std))


def describe_normalization(found: Normalization, source: str, backbone: str) -> str:
    """A line for the log; empty for the usual case: ImageNet's, and no weights that might want another one.

    Args:
        found: The resolved normalization.
        source: See `start_normalization`.
        backbone: Name of the backbone.
    """
    if found == IMAGENET and (source == "none" or not backbone.startswith("timm:")):
        return ""
    own = start_normalization(source, backbone)
    if found != own:
        return f"images are normalized with {found} (model.mean, model.std; the weights' own: {own})"
    whose = "ImageNet's" if found == IMAGENET else "that of the initial weights"
    if source != "none" and found == timm_normalization(backbone):
        whose = f"timm's for {backbone.removeprefix('timm:')}"
    return f"images are normalized with {found}: {whose}"


def _recorded(model: object) -> Normalization:
    """The normalization in the recorded settings of a model."""
    values = model if isinstance(model, dict) else {}
    return Normalization(_channels(values.get("mean") or PIXEL_MEAN), _channels(values.get("std") or PIXEL_STD))


def recorded_normalization(out: str | Path) -> Normalization | None:
    """The normalization of the run in a folder; ``None`` if there is no run."""
    return _recorded(open_run(out).config.get("model", {})) if is_run(out) else None


def _channels(values: Iterable[float]) -> Channels:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
