"""One first-in-first-out queue of past keys per pyramid level: the negatives of Eq. 7.

Legend: L levels, K queue size, D embedding, n new keys per level.

A ring buffer. All levels share one pointer because they are filled together. The buffers are persistent: without them a
resumed run would contrast against noise (docs/method.md#queue). K is fixed and need not be a multiple of the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LevelQueue(nn.Module):
    """The last K keys of every level.

    Args:
        levels: L, number of levels.
        size: K, keys kept per level.
        dim: D, dimensions of a key.
        generator: Source of the random unit vectors that fill the queue at first.

    Attributes:
        keys: (L, K, D) float32, each of length 1.
        pointer: Scalar int64: the next position to be written, which holds the oldest key.
        filled: Scalar int64: keys enqueued so far per level. While it is below K, the other K - filled entries are
            noise. The oldest key is K / (keys per step) steps old.

    Example:
        >>> import torch
        >>> from codo.contrast import LevelQueue
        >>> queue = LevelQueue(levels=4, size=6, dim=32)
        >>> keys = torch.nn.functional.normalize(torch.randn(4, 8, 32), dim=-1)
        >>> queue.enqueue(keys)  # eight keys into six places: the last six are kept
        >>> queue.keys.shape, int(queue.pointer), int(queue.filled)
        (torch.Size([4, 6, 32]), 2, 8)
        >>> torch.equal(queue.keys[:, (queue.pointer - 1) % 6], keys[:, -1])
        True
    """

    keys: Tensor
    pointer: Tensor
    filled: Tensor

    def __init__(self, levels: int, size: int, dim: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.register_buffer("keys", F.normalize(torch.randn(levels, size, dim, generator=generator), dim=-1))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.int64))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    @property
    def size(self) -> int:
        """K, the number of keys kept per level."""
        return self.keys.shape[1]

    @torch.no_grad()
    def match_statistics(self, keys: Tensor) -> None:
        """Give the initial noise the mean and the per-dimension standard deviation of real keys ``(L, n, D)``."""
        mean, spread = keys.mean(1, keepdim=True), keys.std(1, correction=0, keepdim=True)  # (L, 1, D)
        noise = self.keys * self.keys.shape[-1] ** 0.5  # about unit variance in every dimension
        self.keys.copy_(F.normalize(mean + spread * noise, dim=-1))

    @torch.no_grad()
    def renewal(self, level: int) -> Tensor:
        """Mean of the newest eighth of a level's keys minus mean of the oldest eighth: ``(D,)``.

        Its product with the mean query is how much closer to the queries the newest keys are; large values mean drift.
        """
        order = (self.pointer + torch.arange(self.size, device=self.keys.device)) % self.size
        part = max(1, self.size // 8)
        return self.keys[level, order[-part:]].mean(0) - self.keys[level, order[:part]].mean(0)

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """Replace the oldest keys, wrapping around at the end.

        Call it once per step, after all losses: keys enqueued earlier would be negatives of their own queries
        (docs/method.md#queue).

        Args:
            keys: (L, n, D), oldest first; with n > K only the last K are kept.
        """
        n = keys.shape[1]
        kept = min(n, self.size)
        # Computed on the device: reading the pointer on the host would stall the step.
        positions = (self.pointer + torch.arange(n - kept, n, device=self.keys.device)) % self.size
        self.keys.index_copy_(1, positions, keys[:, n - kept :].to(self.keys.dtype))
        self.pointer.add_(n).remainder_(self.size)
        self.filled.add_(n)
