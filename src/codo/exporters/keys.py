"""Tensor names and shapes of the models of other libraries, printed from the real models (``keys/*.tsv``)."""

from __future__ import annotations

from functools import cache
from importlib import resources

import torch
from torch import Tensor


@cache
def read_keys(name: str) -> dict[str, tuple[int, ...]]:
    """Name of a tensor -> its shape, for one model.

    Args:
        name: File in ``keys/`` without its ending, such as ``mmdet_mask_rcnn_r50_fpn_4conv1fc_bn``.
    """
    text = (resources.files("codo.exporters") / "keys" / f"{name}.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line)
    return {key: () if shape == "scalar" else tuple(map(int, shape.split("x"))) for key, shape in rows}


def blueprint(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """A state dict with these names and shapes on the meta device, to compare a file with."""
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
