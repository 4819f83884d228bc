"""A memory of every image, and noise-contrastive estimation against it (Wu et al. 2018; docs/methods.md#instdisc).

Legend: N images, D embedding, b queries, m negatives of each.

The bank holds one embedding v_i per image. The probability that an embedding f shows image i is a softmax over all N
images, whose denominator is replaced by a constant Z, estimated once:

    P(i | f) = exp(f.v_i / T) / Z        h(i, f) = P / (P + m / N) = sigmoid(f.v_i / T - log(Z m / N))

The loss is that of telling image i from m images drawn uniformly from all N, the image itself among them:

    loss = -log h(i, f) - sum_j log(1 - h(n_j, f))

Or, without Z, by a softmax over image i and the m images (the published code's option):

    loss = -log( exp(f.v_i / T) / (exp(f.v_i / T) + sum_j exp(f.n_j / T)) )

Everything is computed from logits, so that nothing overflows or needs a small constant under a logarithm. The gradient
for f is computed in the forward pass, a few queries at a time: otherwise autograd would keep the (b, m, D) negatives.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from codo.contrast.infonce import full_precision

CHUNK = 16
"""Queries whose negatives are in memory at the same time: 34 MB with 4096 negatives of 128 numbers."""


class NoiseContrast(NamedTuple):
    """The result of `MemoryBank.contrast`.

    Attributes:
        losses: (b,), of each query.
        stats: Detached scalars: ``top1`` (share of queries whose own image is more similar than every negative),
            ``positive`` and ``negative`` (mean cosine similarity).
    """

    losses: Tensor
    stats: dict[str, Tensor]


class MemoryBank(nn.Module):
    """One embedding for every image, and the constant Z. Both are buffers: a checkpoint has them.

    Args:
        images: N.
        dim: D.
        dtype: Of the embeddings; computations with them are in the queries' precision.
        generator: Source of the initial embeddings.

    Attributes:
        rows: (N, D), each of length 1.
        log_z: Scalar: log Z; NaN before `calibrate`.

    Example:
        >>> import torch
        >>> from codo.contrast import MemoryBank
        >>> bank = MemoryBank(images=10, dim=4)
        >>> seen, embeddings = torch.tensor([3, 7]), torch.nn.functional.normalize(torch.randn(2, 4), dim=1)
        >>> negatives = torch.randint(10, (2, 5))
        >>> _ = bank.log_z.copy_(bank.estimate(embeddings, seen, negatives, temperature=0.07))
        >>> bank.contrast(embeddings, seen, negatives, temperature=0.07).losses.shape
        torch.Size([2])
        >>> bank.update(seen, embeddings, momentum=0.0)
        >>> torch.equal(bank.rows[seen], embeddings)
        True
    """

    rows: Tensor
    log_z: Tensor

    def __init__(
        self, images: int, dim: int, dtype: torch.dtype = torch.float32, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        noise = 2 * torch.rand(images, dim, generator=generator) - 1
        self.register_buffer("rows", F.normalize(noise, dim=1).to(dtype))
        self.register_buffer("log_z", torch.tensor(math.nan))

    @torch.no_grad()
    def estimate(self, queries: Tensor, images: Tensor, negatives: Tensor, temperature: float) -> Tensor:
        """An estimate of log Z: N times the mean of exp(f.v / T) over queries, their own images and their negatives.

        Args:
            queries: (b, D).
            images: (b,), own images.
            negatives: (b, m).
            temperature: T.
        """
        both = torch.cat([images[:, None], negatives], dim=1)
        logits = [
            self.rows[some].to(query.dtype) @ query / temperature for query, some in zip(queries, both, strict=True)
        ]
        return torch.stack(logits).flatten().logsumexp(0) - math.log(both.numel()) + math.log(len(self.rows))

    def contrast(
        self, queries: Tensor, images: Tensor, negatives: Tensor, temperature: float, *, softmax: bool = False
    ) -> NoiseContrast:
        """Contrast queries with their images' and their negatives' rows; in float32, also under autocast.

        Args:
            queries: (b, D) of length 1; the gradient flows to them.
            images: (b,) int64, the image of each query.
            negatives: (b, m) int64, images to tell it from.
            temperature: T.
            softmax: A softmax over the image and its negatives, which needs no Z.
        """
        with torch.autocast(queries.device.type, enabled=False):
            queries = full_precision(queries)
            shift = self.log_z.to(queries.dtype) + math.log(negatives.shape[1] / len(self.rows))  # log(Z m / N)
            positive = (queries * self.own(images, queries.dtype)).sum(1)
            rest, hardest, mean = _TellApart.apply(queries, self.rows, negatives, shift, temperature, softmax)
            logits = positive / temperature
            losses = F.softplus(rest - logits) if softmax else -F.logsigmoid(logits - shift) - rest
        top1 = (positive.detach() > hardest).to(losses.dtype).mean()
        return NoiseContrast(losses, {"top1": top1, "positive": positive.detach().mean(), "negative": mean.mean()})

    def own(self, images: Tensor, dtype: torch.dtype) -> Tensor:
        """The rows of ``images`` (b,): (b, D)."""
        return self.rows.index_select(0, images).to(dtype)

    @torch.no_grad()
    def update(self, images: Tensor, embeddings: Tensor, momentum: float) -> None:
        """Move the rows of some images towards new embeddings, and give them length 1 again.

        Args:
            images: (n,) int64, each at most once.
            embeddings: (n, D) of length 1.
            momentum: Weight of the old row.
        """
        old = self.own(images, embeddings.dtype)
        mixed = F.normalize(momentum * old + (1 - momentum) * embeddings, dim=1)
        self.rows.index_copy_(0, images, mixed.to(self.rows.dtype))


class _TellApart(torch.autograd.Function):
    """sum_j log(1 - h(n_j, f)), max_j f.n_j and mean_j f.n_j, with the gradient of the sum for f.

    With ``softmax`` the first is log sum_j exp(f.n_j / T).
    """

    @staticmethod
    def forward(
        ctx: Any, queries: Tensor, rows: Tensor, negatives: Tensor, shift: Tensor, temperature: float, softmax: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        parts = []
        for query, some in zip(torch.split(queries, CHUNK), torch.split(negatives, CHUNK), strict=True):
            far = rows.index_select(0, some.flatten()).to(query.dtype).view(*some.shape, -1)  # (c, m, D)
            similarity = torch.bmm(far, query[:, :, None])[:, :, 0]  # (c, m)
            logits = similarity / temperature
            if softmax:
                value, slopes = logits.logsumexp(1), logits.softmax(1)
            else:
                value, slopes = F.logsigmoid(shift - logits).sum(1), -(logits - shift).sigmoid()
            gradient = torch.bmm(slopes[:, None] / temperature, far)[:, 0]  # (c, D)
            parts.append((value, similarity.amax(1), similarity.mean(1), gradient))
        total, hardest, mean, gradients = (torch.cat(one) for one in zip(*parts, strict=True))
        ctx.save_for_backward(gradients)
        ctx.mark_non_differentiable(hardest, mean)
        return total, hardest, mean

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_total: Tensor, *_: Tensor) -> tuple[Tensor, None, None, None, None, None]:
        (gradients,) = ctx.saved_tensors
        return grad_total[:, None] * gradients, None, None, None, None, None
