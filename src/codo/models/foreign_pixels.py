"""What weights of other tools tell about the images that they were trained on.

* timm's folders have ``config.json`` beside the weights, with mean and deviation in its ``pretrained_cfg``.
* TensorFlow's EfficientNet-Lite has mean and deviation 0.5; its tensors' names tell (`KeyMap.normalization`).
* Weights of Detectron2 ("MSRA") and MMDetection ("caffe") that come from Caffe2 have BGR images, minus ImageNet's mean,
  not divided. Their statistics tell: BatchNorm was folded into scales and shifts, with means of 0 and variances of 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from torch import Tensor

from codo.models.key_maps import LAYOUTS
from codo.models.normalization import PIXEL_MEAN, Normalization
from codo.models.weight_files import in_folder, read_tensors

CAFFE = Normalization(PIXEL_MEAN, (1 / 255, 1 / 255, 1 / 255))
"""Caffe2's, for RGB in 0..1: the deviation is 1 in 0..255."""

_STEMS = ("stem.conv1.norm.running_mean", "backbone.bn1.running_mean")
"""In Detectron2 and in detectors of MMDetection, which `_HEADS` tell from our trunks: these were turned to RGB already.
A detector that MMDetection trained from such a trunk, its norms frozen, cannot be told from one for BGR."""
_HEADS = ("rpn_head.", "bbox_head.")


def file_normalization(path: Path) -> Normalization | None:
    """The normalization that a weight file of another tool tells; ``None`` if it tells none, or there is no file."""
    file = in_folder(path)
    if not file.is_file():
        return None  # loading the weights raises the error
    if (told := _hub_normalization(file.with_name("config.json"))) is not None:
        return told
    stat = file.stat()
    return _read(file, stat.st_mtime_ns, stat.st_size)


def _hub_normalization(config: Path) -> Normalization | None:
    """That in the ``config.json`` of a timm model from a hub; ``None`` if there is no such file."""
    try:
        content = json.loads(config.read_text(encoding="utf-8"))
        told = content.get("pretrained_cfg", content)  # early folders have the values at the top
        (r, g, b), (x, y, z) = ([float(value) for value in told[name]] for name in ("mean", "std"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Normalization((r, g, b), (x, y, z)) if "architecture" in content and min(x, y, z) > 0 else None


@lru_cache(maxsize=64)
def _read(path: Path, changed: int, size: int) -> Normalization | None:
    """`tensors_normalization` of a file; `codo compare` asks again for every trial."""
    return tensors_normalization(read_tensors(path))


def tensors_normalization(tensors: Mapping[str, Tensor]) -> Normalization | None:
    """The normalization that tensors of another tool tell, under any prefix."""
    if is_caffe(tensors):
        return CAFFE
    for layout in LAYOUTS.values():
        if layout.normalization is None:
            continue
        theirs = [f"{module}.weight" for _, module in layout.pairs]
        for prefix in (name.removesuffix(theirs[0]) for name in tensors if name.endswith(theirs[0])):
            if all(prefix + name in tensors for name in theirs):
                return layout.normalization
    return None


def is_caffe(tensors: Mapping[str, Tensor]) -> bool:
    """Whether these are weights that come from Caffe2, whose BatchNorm has no statistics of its own.

    Those of a new network are the same, but its shifts are 0.
    """
    ends = [(name, end) for name in tensors for end in _STEMS if name == end or name.endswith(f".{end}")]
    if not ends:
        return False
    name, end = ends[0]
    prefix = name.removesuffix(end)
    if end == _STEMS[1]:
        if not any(one.startswith((f"{prefix}{_HEADS[0]}", f"{prefix}{_HEADS[1]}")) for one in tensors):
            return False
        prefix += "backbone."
    mean = ".running_mean"
    norms = [one.removesuffix(mean) for one in tensors if one.startswith(prefix) and one.endswith(mean)]

    def leaves(leaf: str) -> list[Tensor]:
        return [tensors[f"{norm}.{leaf}"] for norm in norms if f"{norm}.{leaf}" in tensors]

    trained = any(bool((shift != 0).any()) for shift in leaves("bias"))
    flat = all(bool((mean == 0).all()) for mean in leaves("running_mean"))
    return trained and flat and all(bool(((one - 1).abs() < 1e-3).all()) for one in leaves("running_var"))
