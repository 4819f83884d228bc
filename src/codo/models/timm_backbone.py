"""timm's models as backbones: maps of strides 4 to 32 for images of any size.

Legend: B batch, C channels of a map, H and W height and width of the images in pixels.

Some of timm's models are made for one size of images. They are built with the options with which timm lets them take
others (`OPTIONS`), or their images are padded to multiples of a size that they accept. A model is tried when it is
built, on images of two sizes, so that one that accepts only its own size is refused before a run begins.
docs/reference/timm-families.md has a table of the families.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codo.core.errors import InputError, first_line, nearest

STRIDES = (4, 8, 16, 32)
"""Pixels of the canvas per cell of the four maps."""

OPTIONS: tuple[Mapping[str, Any], ...] = ({}, {"strict_img_size": False}, {"dynamic_img_size": True})
"""Options of timm's models, tried in this order, with which some accept images of other sizes."""

SIZES = ((64, 64), (96, 160))
"""Heights and widths of the images on which a model is tried: the laptop's canvas, and one that a detector may have."""

_FIX = "use a convolutional or hierarchical model, such as timm:convnext_tiny"


class TimmBackbone(nn.Module):
    """Any timm model with ``features_only`` that has maps of strides 4, 8, 16 and 32 (extra ``timm``).

    Args:
        name: timm's name of the model, without the prefix ``timm:``.
        pretrained: Download and use timm's default weights of the model.

    Attributes:
        channels: C of each map.
        multiple: Images are padded to multiples of this size, at the right and at the bottom; 1: not at all.
        channels_last: Whether the model returns maps (B, h, w, C), as Swin does.

    Raises:
        InputError: timm is not installed or has no such model, the model lacks one of the strides or accepts only
            images of one size, or its weights cannot be downloaded.
    """

    def __init__(self, name: str, pretrained: bool = False) -> None:
        super().__init__()
        self._where = f"model.backbone=timm:{name}"
        try:
            import timm
        except ImportError as error:
            fix = "pip install 'codo-detect[timm]'"
            raise InputError("timm is not installed", where=self._where, fix=fix) from error
        if not timm.is_model(name):
            fix = nearest(name, timm.list_models()) or "see timm.list_models()"
            raise InputError(f"timm has no model '{name}'", where=self._where, fix=fix)
        indices = self._indices(name)
        self.multiple, self.channels_last = 1, False
        options = self._fit(name, indices)
        if pretrained:
            self._download(name, indices, options)

    def _indices(self, name: str) -> tuple[int, ...]:
        """The indices of the maps of the four strides.

        The model is created without ``out_indices`` first: which index has which stride differs between families, and
        in some (DLA) the indices do not begin with 0.
        """
        import timm

        try:
            info: Any = timm.create_model(name, features_only=True).feature_info
            strides = list(info.reduction())
        except (RuntimeError, ValueError, AttributeError, AssertionError, TypeError) as error:
            what = f"'{name}' returns no feature maps: {first_line(error)[:120]}"
            raise InputError(what, where=self._where, fix=_FIX) from error
        if missing := [stride for stride in STRIDES if stride not in strides]:
            wanted = ", ".join(map(str, STRIDES))
            has = ", ".join(map(str, dict.fromkeys(strides)))
            what = f"'{name}' has no feature maps of strides {wanted}: {missing[0]} is missing, it has {has}"
            raise InputError(what, where=self._where, fix=_FIX)
        return tuple(info.out_indices[strides.index(stride)] for stride in STRIDES)

    def _fit(self, name: str, indices: tuple[int, ...]) -> Mapping[str, Any]:
        """Build the model so that it takes images of any size, as far as timm lets it; returns the options."""
        reason: Exception | None = None
        for options in OPTIONS:
            try:
                self._build(name, indices, options)
            except TypeError:
                continue  # the model has no such option
            except (RuntimeError, ValueError, AttributeError, AssertionError) as error:
                reason = reason or error
                continue
            for multiple in (1, *self._multiples(name)):
                self.multiple = multiple
                sizes = SIZES if multiple == 1 else ((multiple, multiple), (multiple, 2 * multiple))
                try:
                    for size in sizes:
                        self._try(size)
                    return options
                except NotImplementedError:  # on the meta device, which cannot run some models
                    return options
                except (RuntimeError, ValueError, AssertionError, IndexError) as error:
                    reason = reason or error
        cause = first_line(reason)[:120] if reason else ""
        what = f"'{name}' does not take images of any size: {cause}"
        fix = "use a model for any size, such as timm:convnext_tiny; docs/reference/timm-families.md lists them"
        raise InputError(what, where=self._where, fix=fix) from reason

    def _build(self, name: str, indices: tuple[int, ...], options: Mapping[str, Any], **more: Any) -> None:
        import timm

        model: Any = timm.create_model(name, features_only=True, out_indices=indices, **options, **more)
        self.model: nn.Module = model
        self.channels: tuple[int, ...] = tuple(model.feature_info.channels())

    @staticmethod
    def _multiples(name: str) -> Iterator[int]:
        """Multiples to try: of whole windows, and the model's own size."""
        import timm

        config = timm.get_pretrained_cfg(name)
        yield 64
        yield 128
        if config is not None:
            yield int(config.input_size[-1])

    @torch.no_grad()
    def _try(self, size: tuple[int, int]) -> None:
        """Run the model once; raises one of several errors if it does not accept images of this size."""
        height, width = size
        mode = self.training
        self.eval()
        try:
            with torch.random.fork_rng(devices=[]):
                maps = self._maps(torch.zeros(1, 3, height, width))
        finally:
            self.train(mode)
        last, second = (tuple(one.shape[axis] for one in maps) for axis in (-1, 1))
        self.channels_last = last == self.channels != second
        if self.channels_last:
            maps = [m.permute(0, 3, 1, 2) for m in maps]
        for one, channels, stride in zip(maps, self.channels, STRIDES, strict=True):
            expected = (channels, -(-height // stride), -(-width // stride))
            if any(abs(a - b) > (i > 0) for i, (a, b) in enumerate(zip(one.shape[1:], expected, strict=True))):
                found = "x".join(map(str, one.shape[1:]))
                raise ValueError(f"its map of stride {stride} is {found} for an image of {height}x{width}")

    def _download(self, name: str, indices: tuple[int, ...], options: Mapping[str, Any]) -> None:
        try:
            self._build(name, indices, options, pretrained=True)
        except Exception as error:  # timm passes on whatever its hub client raises
            fix = "choose a model with weights, or download them elsewhere and set model.init=FILE"
            raise InputError(f"cannot get timm's weights of '{name}': {error}", where=self._where, fix=fix) from error

    @property
    def note(self) -> str:
        """A line for the log if images are padded; empty otherwise."""
        if self.multiple == 1:
            return ""
        name = self._where.partition("=")[2]
        return f"{name} takes only multiples of {self.multiple} pixels: images are padded with zeros to the next"

    def _maps(self, images: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.model(images)
        return maps

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, H, W) -> four maps (B, channels[i], H / stride, W / stride)."""
        height, width = images.shape[-2:]
        if self.multiple > 1:
            images = F.pad(images, (0, -width % self.multiple, 0, -height % self.multiple))
        maps = self._maps(images)
        if self.channels_last:
            maps = [m.permute(0, 3, 1, 2) for m in maps]
        if self.multiple > 1:
            cells = [(-(-height // stride), -(-width // stride)) for stride in STRIDES]
            maps = [m[..., :h, :w].contiguous() for m, (h, w) in zip(maps, cells, strict=True)]
        return maps
