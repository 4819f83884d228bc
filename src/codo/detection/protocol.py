"""What follows from the machine and the batch, in words for the log: which BatchNorm, which learning rate, how long.

The protocol of the papers is for 16 images on 8 GPUs (docs/method.md#coco-finetuning). With another batch or fewer GPUs
a run differs from it, and users of earlier methods lost points where nothing said so (docs/method.md#a6; ``moco#111``,
``r2o#1``).
"""

from __future__ import annotations

from codo.detection.optim import DetectorOptimSettings
from codo.training.distributed import DistributedContext
from codo.training.optim import Schedule

FEW = 2
"""Images a process from which on the statistics of a batch are too noisy to rely on."""


def norm_in_words(norm: str, batch_size: int, context: DistributedContext, weights: str) -> str:
    """Which statistics BatchNorm uses in training.

    Args:
        norm: ``batch``, ``sync`` or ``frozen``.
        batch_size: Images in a step, over all processes.
        context: Rank, world size and device of this process.
        weights: The setting; random weights have no statistics that could be kept.
    """
    share = batch_size // context.world
    if norm == "sync":
        return f"norm=sync: BatchNorm has the statistics of the {batch_size} images of all {context.world} processes"
    if norm == "frozen":
        return "norm=frozen: BatchNorm of the backbone keeps the statistics and scales of the weights"
    each = f"the {share} images of a step" if context.world == 1 else f"each process's {share} of {batch_size} images"
    text = f"norm=batch: BatchNorm has the statistics of {each}; SyncBN, as in the papers, needs several GPUs"
    return text + ("; with so few, norm=frozen may be better" if share <= FEW and weights != "none" else "")


def rate_in_words(optim: DetectorOptimSettings, schedule: Schedule, batch_size: int) -> str:
    """The learning rate and the rule that it follows from."""
    text = f"lr {schedule.peak:g} for {batch_size} images a step"
    if optim.lr_scaling == "none":
        return f"{text} (optim.lr_scaling=none: whatever their number)"
    return f"{text} (optim.lr_scaling={optim.lr_scaling}: {optim.lr:g} for {optim.reference_batch})"


def length_in_words(steps: int, batch_size: int, images: int, warmup: int) -> str:
    """How long the run is, in steps and in epochs."""
    epochs = steps * batch_size / images
    return f"{steps} steps, {min(steps, warmup)} of them warm-up: {epochs:.1f} epochs of {images} images"
