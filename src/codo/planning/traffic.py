"""Bytes that each GPU sends (and receives) in a step, for the algorithms that NCCL uses for large tensors.

Legend: n GPUs, V views, L levels, B global batch, D embedding, S side of a view.
"""

from __future__ import annotations

FLOAT, HALF = 4, 2
"""Bytes of float32 and bfloat16."""


def gradients(parameters: int, gpus: int) -> float:
    """A ring all-reduce of float32 gradients: each GPU sends 1/n of the buffer 2 (n - 1) times."""
    return 2 * (gpus - 1) / gpus * FLOAT * parameters


def all_gather(own: float, gpus: int) -> float:
    """An all-gather to which each GPU adds ``own`` bytes: it sends n - 1 times as many."""
    return (gpus - 1) * own


def keys(batch: int, views: int, levels: int, dim: int, gpus: int) -> float:
    """The all-gather of CoDo's keys, of all levels and key views: (V - 1, L, B, D) float32 in total."""
    return all_gather(FLOAT * (views - 1) * levels * batch * dim / gpus, gpus)


def images(batch: int, views: int, canvas: int, gpus: int) -> float:
    """Shuffling by an all-gather of the key images in bfloat16, for comparison; CoDo sends no images."""
    return (gpus - 1) / gpus * HALF * (views - 1) * batch * 3 * canvas * canvas
