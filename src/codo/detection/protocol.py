"""Log messages about the protocol of a run: mode of BatchNorm, learning rate, RoI levels, length.

The protocol of the papers is for 16 images on 8 GPUs (docs/method.md#coco-finetuning). With another batch size or fewer
GPUs a run differs from it, and users of earlier methods lost AP because no message said so (docs/method.md#a6;
``moco#111``, ``r2o#1``).
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from codo.annotations.records import Annotations
from codo.detection.optim import DetectorOptimSettings
from codo.exporters.torchvision import CANONICAL_SCALE
from codo.optim.optimizer import Schedule
from codo.training.distributed import DistributedContext

RARE = 30
"""The AP of a class with fewer objects moves by more than three points with every object found or missed."""

FEW = 2
"""With this many images per process or fewer, batch statistics are too noisy."""


def describe_norm(norm: str, batch_size: int, context: DistributedContext, weights: str) -> str:
    """Which statistics BatchNorm uses in training.

    Args:
        norm: ``batch``, ``sync`` or ``frozen``.
        batch_size: Images in a step, over all processes.
        context: Rank, world size and device of this process.
        weights: The setting; random weights have no statistics to keep.
    """
    local_batch = batch_size // context.world
    if norm == "sync":
        return f"norm=sync: BatchNorm uses the statistics of the {batch_size} images of all {context.world} processes"
    if norm == "frozen":
        return "norm=frozen: BatchNorm of the backbone keeps the statistics and scales of the weights"
    images = f"the {local_batch} images of a step"
    if context.world > 1:
        images = f"each process's {local_batch} of {batch_size} images"
    text = f"norm=batch: BatchNorm uses the statistics of {images}; SyncBN, as in the papers, needs several GPUs"
    hint = "; with so few images, norm=frozen may be better"
    return text + (hint if local_batch <= FEW and weights != "none" else "")


def describe_lr(optim: DetectorOptimSettings, schedule: Schedule, batch_size: int) -> str:
    """The learning rate, and how it was scaled."""
    text = f"lr {schedule.peak:g} for {batch_size} images per step"
    if optim.lr_scaling == "none":
        return f"{text} (optim.lr_scaling=none: independent of the batch size)"
    return f"{text} (optim.lr_scaling={optim.lr_scaling}: {optim.lr:g} for {optim.reference_batch})"


def describe_levels(setting: str | float, pixels: str | float) -> str | None:
    """Which boxes pool from which level; ``None`` for the usual rule.

    Args:
        setting: ``detector.canonical_scale``.
        pixels: The same, resolved.
    """
    if setting == CANONICAL_SCALE:
        return None
    resolved = f"auto: {pixels:g} pixels" if setting == "auto" else f"{pixels:g}"
    return f"detector.canonical_scale={resolved}: boxes of this side pool from P4, of half from P3, of double from P5"


def describe_rare_classes(val: Annotations, among: Collection[str] = ()) -> str | None:
    """The classes of the val split with few objects, whose AP says little; ``None`` if there are none.

    Args:
        val: The val split.
        among: The classes to look at; empty: all.
    """
    named = sorted((count, name) for name, count in evaluated_objects(val).items() if not among or name in among)
    rare = [(count, name) for count, name in named if count < RARE]
    if not rare:
        return None
    shown = ", ".join(f"{name} {count}" for count, name in rare[:5]) + (", …" if len(rare) > 5 else "")
    what = "1 class has" if len(rare) == 1 else f"{len(rare)} classes have"
    return f"{what} fewer than {RARE} objects in the val split, too few for an AP of one class: {shown}."


def evaluated_objects(val: Annotations) -> dict[str, int]:
    """Number of objects of each class that evaluation counts: neither crowd regions nor difficult ones."""
    objects = np.bincount(val.labels[~val.ignored], minlength=len(val.categories) + 1)[1:]
    return {category.name: int(count) for category, count in zip(val.categories, objects, strict=True)}


def describe_length(steps: int, batch_size: int, images: int, warmup: int) -> str:
    """The length of the run in steps and in epochs."""
    epochs = steps * batch_size / images
    return f"{steps} steps, {min(steps, warmup)} of them warm-up: {epochs:.1f} epochs of {images} images"
