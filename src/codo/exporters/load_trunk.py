"""The pretrained trunk as a PyTorch module: pyramid maps of images, and features of boxes.

Legend: B images, H and W their height and width, L levels (P2 to P5), C channels of a level, N boxes of all images, R
width of the box head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codo.core.config import resolve
from codo.core.errors import InputError, first_line
from codo.core.run import Run, is_run, open_run
from codo.exporters.safetensors import read_safetensors
from codo.exporters.trunk import Network, TrunkWeights, pack_trunk, read_trunk
from codo.models.backbone import STRIDES
from codo.models.box_levels import detector_levels, pool_from_levels
from codo.models.encoder import ModelSettings
from codo.models.load_report import LoadReport
from codo.models.pretrained import load_encoder, recorded_model
from codo.models.weight_files import header, in_folder


class Trunk(nn.Module):
    """Backbone and, if they were pretrained, FPN and box head.

    Created by `load_trunk` and `from_pretrained`, in evaluation mode. It is an ordinary module: move it to a device,
    train it, use its parts. In evaluation mode its outputs equal those of the encoder at the end of pretraining.

    Args:
        weights: Tensors and settings.
        load_report: Which tensors matched, for a file of another tool.

    Attributes:
        backbone: (B, 3, H, W) -> four maps of strides 4, 8, 16 and 32.
        fpn: These four maps -> P2 to P5; ``None`` if it was not pretrained.
        box_head: (N, C, 7, 7) -> (N, R); ``None`` if it was not pretrained.
        parts: Names of the parts that exist: ``backbone``, ``fpn``, ``box_head``.
        settings: The architecture.
        method: The pretraining method; ``unknown`` for files of other tools.
        step: Number of pretraining steps.
        mean: Mean of R, G and B in [0, 1], for the normalization of images.
        std: Standard deviation of R, G and B in [0, 1].
        strides: Stride of each map in pixels.
        channels: Channels of each map of `features`.
        load_report: See above; ``None`` for files and runs of CoDo.

    Example:
        >>> import codo, torch
        >>> trunk = codo.Trunk.from_pretrained("hub/mine")  # a folder, or USER/NAME on the Hugging Face Hub
        >>> trunk.parts, trunk.strides
        (('backbone', 'fpn', 'box_head'), (4, 8, 16, 32))
        >>> with torch.no_grad():
        ...     maps = trunk.features(torch.zeros(1, 3, 64, 64))
        >>> [tuple(level.shape[2:]) for level in maps]
        [(16, 16), (8, 8), (4, 4), (2, 2)]
    """

    def __init__(self, weights: TrunkWeights, load_report: LoadReport | None = None) -> None:
        super().__init__()
        encoder = weights.encoder()
        self.parts, self.settings = weights.parts, weights.model
        self.method, self.step, self.load_report = weights.method, weights.step, load_report
        self.mean, self.std = self.settings.normalization.mean, self.settings.normalization.std
        self.strides = STRIDES
        self.backbone = encoder.backbone
        self.fpn = encoder.fpn if "fpn" in self.parts else None
        self.box_head = encoder.box_head if "box_head" in self.parts else None
        pyramid = (self.settings.fpn_channels,) * len(STRIDES)
        self.channels: tuple[int, ...] = self.backbone.channels if self.fpn is None else pyramid
        self.eval()

    @classmethod
    def from_pretrained(cls, name: str | Path, **download: Any) -> Trunk:
        """Load a trunk by its name on the Hugging Face Hub, or from a folder of ``codo export --to hub``.

        Args:
            name: ``USER/NAME``, or a folder. A model that was downloaded before also loads offline.
            **download: Options of ``huggingface_hub.snapshot_download``: ``revision``, ``token``, ``cache_dir``, …

        Raises:
            InputError: The package huggingface_hub is missing, the model does not exist, or CoDo did not write it.
        """
        if Path(name).is_dir():
            return load_trunk(name)
        try:
            from huggingface_hub import snapshot_download
        except ImportError as error:
            fix = "pip install huggingface_hub, or give a folder of codo export --to hub"
            raise InputError("huggingface_hub is not installed", where=str(name), fix=fix) from error
        try:
            folder = snapshot_download(str(name), allow_patterns=["config.json", "model.safetensors"], **download)
        except (OSError, ValueError) as error:  # all errors of the hub are subclasses of these
            fix = "give USER/NAME as on the hub, or a folder of codo export --to hub"
            what = f"cannot get the model from the hub: {first_line(error)}"
            raise InputError(what, where=str(name), fix=fix) from error
        return load_trunk(folder)

    def normalize(self, images: Tensor) -> Tensor:
        """RGB images, uint8 (…, 3, H, W) -> normalized float32 images for `features`."""
        mean, std = self.settings.normalization.tensors(images.device)
        return images.float().sub(mean).div(std)

    def features(self, images: Tensor) -> list[Tensor]:
        """The maps of a batch of images.

        Args:
            images: (B, 3, H, W) float RGB, normalized: scaled to [0, 1], minus ``mean``, divided by ``std`` (see
                `normalize`). Any size; sides that are multiples of 32 have no padding at the borders of the maps.

        Returns:
            P2 to P5, each (B, C, H / stride, W / stride); without an FPN the maps of the backbone, C2 to C5.
        """
        maps: list[Tensor] = self.backbone(images)
        return maps if self.fpn is None else self.fpn(maps)

    forward = features

    def box_features(
        self, maps: Sequence[Tensor], boxes: Tensor | Sequence[Tensor], levels: Literal["size", "all"] = "size"
    ) -> Tensor:
        """Pool boxes from the maps and run the box head.

        RoIAlign is the same as in pretraining and Detectron2: aligned, 7 x 7 bins, adaptive sampling.

        Args:
            maps: P2 to P5, as `features` returns them.
            boxes: In the form of `torchvision.ops.roi_align`: a list with a tensor (n, 4) for each image, x1, y1, x2,
                y2 in pixels of the image; or one tensor (N, 5) whose first column is the index of the image.
            levels: ``size``: pool each box from the level that detectors choose for its size; ``all``: pool each box
                from every level, as pretraining and probes do.

        Returns:
            (N, R), boxes in the given order, image after image; (L, N, R) for ``all``.

        Raises:
            InputError: The trunk has no FPN or box head, or the boxes have another shape.
        """
        if self.fpn is None or self.box_head is None:
            what = f"this trunk has no box head: its parts are {', '.join(self.parts)} (method '{self.method}')"
            fix = (
                "pool its maps with torchvision.ops.roi_align, or load a run of a method with a box head, such as codo"
            )
            raise InputError(what, where="Trunk.box_features", fix=fix)
        if levels not in ("size", "all"):
            raise InputError(f"unknown levels '{levels}'", where="Trunk.box_features", fix="one of: size, all")
        numbered = _numbered(boxes, maps[0])
        if levels == "size":
            each = numbered, detector_levels(numbered[:, 1:])
        else:
            order = torch.arange(len(maps), device=numbered.device)
            each = numbered.repeat(len(maps), 1), order.repeat_interleave(len(numbered))
        features: Tensor = self.box_head(pool_from_levels(maps, *each).to(maps[0].dtype))
        return features if levels == "size" else features.view(len(maps), len(numbered), -1)


def load_trunk(
    source: Run | str | Path, *, encoder: Network = "query", model: ModelSettings | Mapping[str, Any] | None = None
) -> Trunk:
    """Load a pretrained trunk, to compute features or to build a model on.

    Args:
        source: A pretraining run (its newest intact checkpoint); a file or folder of ``codo export --to safetensors``
            or ``hub``; the ``detector.safetensors`` of a finetuning run; any other weight file that ``weights=``
            accepts; or ``imagenet``.
        encoder: For runs: ``query``, the trained encoder, or ``key``, the momentum encoder.
        model: The architecture, for files of other tools, such as ``{"backbone": "resnet18"}``; see `ModelSettings`.

    Returns:
        The trunk on the CPU, in evaluation mode.

    Raises:
        InputError: The source does not exist, is not readable, has no trunk, or has another architecture than
            ``model``.

    Example:
        >>> import codo, torch
        >>> trunk = codo.load_trunk("runs/mine")
        >>> images = torch.randint(0, 256, (2, 3, 96, 128), dtype=torch.uint8)      # RGB
        >>> boxes = [torch.tensor([[8.0, 8, 72, 64], [40, 20, 120, 90]]), torch.tensor([[0.0, 0, 128, 96]])]
        >>> with torch.no_grad():
        ...     maps = trunk.features(trunk.normalize(images))                       # P2 to P5
        ...     features = trunk.box_features(maps, boxes)
        >>> len(maps), features.shape
        (4, torch.Size([3, 32]))
    """
    path = source.path if isinstance(source, Run) else Path(source)
    if is_run(path):
        return Trunk(read_trunk(open_run(path), encoder))
    if encoder != "query":
        fix = "leave encoder out: a file holds one encoder, chosen when it was written"
        raise InputError(f"encoder='{encoder}' applies to runs only", where=str(path), fix=fix)
    if model is not None and recorded_model(path) is not None:
        raise InputError("the file already records its architecture", where=str(path), fix="leave model out")
    if {"codo", "model"} <= header(path).keys():
        return Trunk(read_safetensors(in_folder(path)))
    given = model if isinstance(model, ModelSettings) else resolve(ModelSettings, None, dict(model or {}))
    loaded, parts = load_encoder(str(source), given)
    modules = {part: loaded.get_submodule(part) for part in parts}
    return Trunk(pack_trunk(loaded.settings, modules, "unknown", 0), loaded.load_report)


def _numbered(boxes: Tensor | Sequence[Tensor], finest: Tensor) -> Tensor:
    """Boxes of either form as (N, 5) on the device of the maps, in float32 or float64."""
    exact = torch.float64 if finest.dtype == torch.float64 else torch.float32  # bf16 is too coarse for coordinates
    where, fix = (
        "Trunk.box_features",
        "give a list with a tensor (n, 4) for each image, or (N, 5) with the image index in the first column",
    )
    if isinstance(boxes, Tensor):
        if boxes.dim() != 2 or boxes.shape[1] != 5:
            raise InputError(f"boxes of shape {tuple(boxes.shape)}", where=where, fix=fix)
        return boxes.to(finest.device, exact)
    if len(boxes) != len(finest) or any(one.dim() != 2 or one.shape[1] != 4 for one in boxes):
        shapes = ", ".join(str(tuple(one.shape)) for one in boxes)
        raise InputError(f"boxes of shapes [{shapes}] for {len(finest)} images", where=where, fix=fix)
    numbered = [F.pad(one.to(finest.device, exact), (1, 0), value=float(i)) for i, one in enumerate(boxes)]
    return torch.cat(numbered)
