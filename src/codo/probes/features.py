"""Features of a box from a frozen trunk with any of its parts.

* ``backbone``: the mean of its last map inside the box; for a box that covers the canvas this is the average pooling of
  classifiers.
* ``fpn``: the mean of every level inside the box, concatenated.
* ``box_head``: the box is pooled from every level and goes through the box head, as in pretraining; the features of the
  levels are concatenated.

Legend: n canvases, S side, L levels, R width of the box head, C channels of the last map.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from codo.models.backbone import STRIDES
from codo.models.box_head import POOL
from codo.models.forward_passes import eagerly, noted_passes
from codo.models.normalization import Normalization
from codo.models.roi_align import roi_align
from codo.probes.sets import Featurize, FeaturizeParts

EMBEDDINGS = ""
"""Name of embeddings among the features of parts; it has no scores of its own."""


def part_features(parts: Mapping[str, nn.Module], device: torch.device, normalization: Normalization) -> FeaturizeParts:
    """A function from canvases and boxes to the features of every part.

    Call ``eval()`` on the modules first; this does not change modes.

    Args:
        parts: ``backbone`` and, if available, ``fpn``, and ``box_head``, which needs ``fpn``.
        device: Device of the modules.
        normalization: That of the images that the modules were trained on.

    Returns:
        A function of uint8 ``(n, S, S, 3)`` and ``(n, 4)``, giving ``(n, C)``, ``(n, L * channels)``, ``(n, L * R)``.
    """
    modules: Any = parts
    mean, std = normalization.tensors(device)

    def featurize(images: Tensor, boxes: Tensor) -> dict[str, Tensor]:
        pixels = images.to(device).permute(0, 3, 1, 2).float().sub(mean).div(std)
        maps = {"backbone": modules["backbone"](pixels)}
        if "fpn" in parts:
            maps["fpn"] = modules["fpn"](maps["backbone"])
        return _pooled(modules, maps, boxes.to(device))

    return featurize


def features_and_embeddings(
    parts: Mapping[str, nn.Module], device: torch.device, normalization: Normalization, embed: Featurize
) -> FeaturizeParts:
    """`part_features` and embeddings, of one forward pass if ``embed`` makes the maps of the parts on its way.

    Args:
        parts: See `part_features`.
        device: Device of the modules.
        normalization: See `part_features`.
        embed: Gives embeddings ``(n, E)``. If it does not call backbone and pyramid once each, with the canvases, the
            features are computed apart.

    Returns:
        A function like that of `part_features`, which gives the embeddings under the name `EMBEDDINGS`.
    """
    apart = part_features(parts, device, normalization)
    watched = {name: parts[name] for name in ("backbone", "fpn") if name in parts}

    def featurize(images: Tensor, boxes: Tensor) -> dict[str, Tensor]:
        with eagerly(), noted_passes(watched) as passes:
            embeddings = embed(images, boxes)
        maps = {one.part: one.output for one in passes if len(one.output[-1]) == len(images)}
        together = len(passes) == len(maps) == len(watched)
        features = _pooled(parts, maps, boxes.to(device)) if together else apart(images, boxes)
        return {EMBEDDINGS: embeddings, **features}

    return featurize


def _pooled(modules: Any, maps: Mapping[str, Any], boxes: Tensor) -> dict[str, Tensor]:
    """The features of every part from the maps of ``backbone`` and ``fpn``."""
    found = {"backbone": roi_align(maps["backbone"][-1], boxes, 1 / STRIDES[-1], POOL).mean(dim=(2, 3))}
    if "fpn" in maps:
        levels = zip(maps["fpn"], STRIDES, strict=True)
        pooled = torch.cat([roi_align(level, boxes, 1 / stride, POOL) for level, stride in levels])
        found["fpn"] = _join_levels(pooled.mean(dim=(2, 3)), len(boxes))
        if "box_head" in modules:
            found["box_head"] = _join_levels(modules["box_head"](pooled), len(boxes))
    return found


def main_part(parts: Mapping[str, object]) -> str:
    """The part whose features stand for the trunk: the box head of a whole trunk, otherwise the backbone."""
    return "box_head" if {"fpn", "box_head"} <= parts.keys() else "backbone"


def trunk_features(
    parts: Mapping[str, nn.Module], device: torch.device, normalization: Normalization, *, whole: bool = False
) -> Featurize:
    """A function from canvases and boxes to the features of the `main_part`; see `part_features`.

    Args:
        parts: ``backbone`` and, if available, ``fpn`` and ``box_head``.
        device: Device of the modules.
        normalization: See `part_features`.
        whole: Whether to use only the backbone, as for classification.
    """
    main = "backbone" if whole else main_part(parts)
    needed = parts if main == "box_head" else {"backbone": parts["backbone"]}
    featurize = part_features(needed, device, normalization)
    return lambda images, boxes: featurize(images, boxes)[main]


def _join_levels(features: Tensor, count: int) -> Tensor:
    """``(L * n, F)``, levels outermost, to ``(n, L * F)``."""
    return features.view(len(STRIDES), count, -1).transpose(0, 1).flatten(1)
