"""Settings that were renamed or added before the first release: runs and files from before can still be opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RENAMED = {
    "augment.on": "augment.device",
    "contrast.shuffle": "contrast.bn_groups",
    "cpj.tries": "cpj.max_tries",
    "model.dim": "model.embedding_dim",
    "probe.pictures": "probe.image_folder",
}
"""Old name -> new name, both with their group."""

ADDED: dict[str, Any] = {
    "anchor.decay": 0.0,
    "anchor.features": 0.0,
    "augment.blur_unit": "pixels",
    "contrast.debiased": 0.0,
    "contrast.keys": "momentum",
    "contrast.negatives": "queue",
    "contrast.symmetric": False,
    "data.voc_origin": "auto",
    "data.yolo_points": "auto",
    "data.areas": "file",
    "data.box_format": "xywh",
    "data.box_unit": "pixels",
    "data.class_attribute": None,
    "data.crowd": "auto",
    "data.exif": "auto",
    "data.missing": "error",
    "data.same_names": "refuse",
    "detector.canonical_scale": 224.0,
    "distributed.timeout": 120.0,
    "localization": 0.0,
    "log.quiet": False,
    "mirror": None,
    "model.freeze": [],
    "model.mean": [0.485, 0.456, 0.406],
    "model.projection_norm": "none",
    "model.std": [0.229, 0.224, 0.225],
    "model.unfreeze_at": None,
    "near_duplicates": 50_000,
    "optim.lars_bias_lr_factor": 1.0,
    "optim.lars_biases": False,
    "optim.lr_factors": {},
    "options.second_blur": 0.5,
    "options.second_solarize": 0.0,
    "probe.near_duplicates": 50_000,
    "probe.stop_below_start": False,
    "probe.data.areas": "file",
    "probe.data.box_format": "xywh",
    "probe.data.box_unit": "pixels",
    "probe.data.class_attribute": None,
    "probe.data.crowd": "auto",
    "probe.data.exif": "auto",
    "probe.data.missing": "error",
    "probe.data.same_names": "refuse",
    "probe.data.voc_origin": "auto",
    "probe.data.yolo_points": "auto",
}
"""Setting -> the value with which a run computes what runs did before the setting existed."""


def upgrade(values: Mapping[str, Any]) -> dict[str, Any]:
    """Recorded settings with the current names, in nested groups of any depth; unknown names are kept."""
    upgraded: dict[str, Any] = {}
    for group, inner in values.items():
        if isinstance(inner, Mapping):
            inner = {RENAMED.get(f"{group}.{key}", f"{group}.{key}").split(".", 1)[1]: v for key, v in inner.items()}
            inner = upgrade(inner)
        upgraded[group] = inner
    return upgraded


def new_name(setting: str) -> str | None:
    """The current dotted name of a setting given by its old name; ``None`` if it was not renamed."""
    for old, new in RENAMED.items():
        if setting == old or setting.endswith(f".{old}"):
            return setting.removesuffix(old) + new
    return None
