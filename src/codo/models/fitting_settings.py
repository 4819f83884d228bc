"""The ``model.*`` settings that tensors of a trunk belong to, read from their names and shapes.

For messages: where weights do not fit the model, these are the settings with which they would.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from codo.models.backbone import resnet_of


def fitting_settings(tensors: Mapping[str, Tensor]) -> dict[str, object]:
    """The settings of the architecture, as far as tensors tell them.

    Args:
        tensors: Tensors under our names, of a model or of a weight file.

    Returns:
        Some of ``backbone``, ``width``, ``fpn_channels``, ``fpn_norm``, ``head`` and ``head_dim``.
    """
    tensors = {name: tensor for name, tensor in tensors.items() if tensor.ndim}  # a damaged file may have numbers
    found: dict[str, object] = {}
    counts: dict[int, int] = {}
    for name in tensors:
        if match := re.fullmatch(r"backbone\.layer(\d)\.(\d+)\.conv1\.weight", name):
            stage, block = int(match[1]), int(match[2])
            counts[stage] = max(counts.get(stage, 0), block + 1)
    blocks = [counts.get(stage, 0) for stage in range(1, 5)]
    backbone = resnet_of(blocks, "backbone.layer1.0.conv3.weight" in tensors)
    first = tensors.get("backbone.layer1.0.conv1.weight")  # counts tell of the last block of a stage only
    if backbone is not None and first is not None:
        found |= {"backbone": backbone, "width": first.shape[0] / 64}
    if (lateral := tensors.get("fpn.inner_blocks.0.0.weight")) is not None:
        norm = "bn" if "fpn.inner_blocks.0.1.running_mean" in tensors else "none"
        found |= {"fpn_channels": lateral.shape[0], "fpn_norm": norm}
    convolutions = sum(re.fullmatch(r"box_head\.\d+\.0\.weight", name) is not None for name in tensors)
    last = next((t for name, t in tensors.items() if re.fullmatch(r"box_head\.(\d+|fc6)\.weight", name)), None)
    if last is not None:
        head = "2fc" if not convolutions else f"{convolutions}conv1fc"
        found |= {"head": head, "head_dim": last.shape[0]}
    return found


def settings_to_change(file: Mapping[str, Tensor], model: Mapping[str, Tensor]) -> str:
    """The settings that differ, with the values of the file: ``model.head=2fc model.fpn_norm=none``; or nothing.

    Args:
        file: Tensors of a weight file under our names.
        model: State dict of the model.
    """
    wanted, given = fitting_settings(file), fitting_settings(model)
    differing = {key: value for key, value in wanted.items() if key in given and given[key] != value}
    return " ".join(
        f"model.{key}={value:g}" if isinstance(value, float) else f"model.{key}={value}"
        for key, value in differing.items()
    )
