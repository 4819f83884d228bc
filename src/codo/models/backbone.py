"""Backbones that return the four feature maps that a feature pyramid needs.

Legend: B batch, C channels, H and W height and width of the canvas in pixels.

torchvision's ResNets are used unchanged: same names, same shapes, same initialization. ``width`` scales the channels
of the residual stages for laptops and tests; at 1.0 the model is exactly torchvision's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from codo.core.errors import InputError, nearest
from codo.models.timm_backbone import STRIDES as STRIDES
from codo.models.timm_backbone import TimmBackbone

_RESNETS: dict[str, tuple[type[BasicBlock | Bottleneck], list[int]]] = {
    "resnet18": (BasicBlock, [2, 2, 2, 2]),
    "resnet34": (BasicBlock, [3, 4, 6, 3]),
    "resnet50": (Bottleneck, [3, 4, 6, 3]),
    "resnet101": (Bottleneck, [3, 4, 23, 3]),
}
_TIMM = "timm:"


class Backbone(Protocol):
    """What the encoder needs from a backbone."""

    channels: tuple[int, ...]

    def __call__(self, images: Tensor) -> list[Tensor]:
        """Maps of strides 4, 8, 16 and 32: four tensors (B, channels[i], H / stride, W / stride)."""
        ...


class ResNetBackbone(ResNet):  # type: ignore[misc]  # torchvision ships no type information
    """A torchvision ResNet without its classifier.

    The state dict has torchvision's names (``conv1``, ``bn1``, ``layer1`` .. ``layer4``), so that ImageNet weights load
    into it and its weights load into torchvision's detectors under ``backbone.body.``.

    Args:
        name: ``resnet18``, ``resnet34``, ``resnet50`` or ``resnet101``.
        width: Factor on the channels of the residual stages, rounded to a multiple of 8. The stem keeps its 64.
    """

    def __init__(self, name: str, width: float = 1.0) -> None:
        block, layers = _RESNETS[name]
        self.width = width  # before the parent's __init__: that is what calls _make_layer
        super().__init__(block, layers, num_classes=1)
        del self.avgpool, self.fc
        self.channels = resnet_channels(name, width)

    def _make_layer(
        self, block: type[BasicBlock | Bottleneck], planes: int, blocks: int, stride: int = 1, dilate: bool = False
    ) -> nn.Sequential:
        stage: nn.Sequential = super()._make_layer(block, scale_channels(planes, self.width), blocks, stride, dilate)
        return stage

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, H, W) -> four maps (B, channels[i], H / stride, W / stride)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        maps = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            maps.append(x)
        return maps


def resnet_channels(name: str, width: float) -> tuple[int, ...]:
    """Channels of the four maps of a ResNet."""
    return tuple(scale_channels(planes, width) * _RESNETS[name][0].expansion for planes in (64, 128, 256, 512))


def resnet_of(blocks: Sequence[int], bottlenecks: bool) -> str | None:
    """The ResNet with these numbers of blocks in its four stages; ``None`` if there is none."""
    block = Bottleneck if bottlenecks else BasicBlock
    return next((name for name, one in _RESNETS.items() if one == (block, list(blocks))), None)


def input_side(name: str) -> int:
    """Side in pixels of a square image that a backbone accepts: ResNets accept any, some timm models only one size."""
    if not name.startswith(_TIMM):
        return 128
    import timm

    config = timm.get_pretrained_cfg(name.removeprefix(_TIMM))
    return int(config.input_size[-1]) if config is not None else 224


def scale_channels(channels: int, width: float) -> int:
    """``channels * width`` rounded to a multiple of 8 (fast on matrix units), at least 8."""
    return max(8, 8 * round(channels * width / 8))


def check_backbone(name: str) -> None:
    """Raise an error for an unknown kind of backbone, without importing timm.

    Raises:
        InputError: Neither one of torchvision's ResNets nor ``timm:NAME``.
    """
    if name in _RESNETS or (name.startswith(_TIMM) and name != _TIMM):
        return
    known = f"one of: {', '.join(_RESNETS)}, timm:NAME"
    raise InputError(f"unknown backbone '{name}'", where="model.backbone", fix=nearest(name, list(_RESNETS)) or known)


def build_backbone(name: str, width: float = 1.0) -> ResNetBackbone | TimmBackbone:
    """Build a backbone with random weights.

    Args:
        name: A torchvision ResNet (``resnet18`` .. ``resnet101``) or ``timm:NAME``.
        width: Factor on the channels; ResNets only.

    Raises:
        InputError: Unknown name, ``timm`` missing or unsuitable, or a width with a timm model.
    """
    check_backbone(name)
    if not name.startswith(_TIMM):
        return ResNetBackbone(name, width)
    if width != 1.0:
        fix = "leave model.width at 1.0 and choose a smaller timm model"
        raise InputError(f"width {width} is not possible with a timm model", where="model.width", fix=fix)
    return TimmBackbone(name.removeprefix(_TIMM))
