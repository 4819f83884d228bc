"""InfoNCE of every level against its queue (paper, Eq. 7-8; docs/method.md#loss).

Legend: L levels, B batch, V key views, K queue, D embedding.

For level l, query q, keys k_1 .. k_V of the same sample and queue entries n_1 .. n_K, all of length 1:

    loss_l = sum_v  -log  exp(q.k_v / T) / (exp(q.k_v / T) + sum_j exp(q.n_j / T))
           = sum_v  -log sigmoid(q.k_v / T - s)          s = log sum_j exp(q.n_j / T)

The second line is how it is computed. All key views share the same negatives, so s costs one matrix product per level
for any number of views. Its gradient, softmax(q.n / T) n / T, is computed in the forward pass, so that the (B, K)
logits of one level are freed before those of the next level are allocated.

The negatives are kept by `codo.contrast.queue.LevelQueue`; `codo.methods.momentum_contrast` calls `info_nce`. With
``contrast.negatives=batch`` it calls `codo.contrast.in_batch.info_nce_in_batch`, without a key encoder
`codo.contrast.end_to_end.info_nce_end_to_end`. ``contrast.debiased`` replaces s in all three
(`codo.contrast.debiased`).
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, Self

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from codo.contrast.auto_momentum import auto_momentum
from codo.contrast.debiased import debias
from codo.core.config import Settings
from codo.core.errors import InputError


class ContrastSettings(Settings):
    """Momentum contrast (``contrast.*``)."""

    negatives: Literal["queue", "batch"] = Field(
        "queue",
        description="a query's negatives: past keys (MoCo), or the keys of the other samples of the global batch; with "
        "batch there is no queue",
    )
    queue: int = Field(65536, ge=1, description="negatives kept for each level; not used with negatives=batch")
    keys: Literal["momentum", "end_to_end"] = Field(
        "momentum",
        description="encoder of the keys: an average of the query encoder (MoCo), or with negatives=batch the query "
        "encoder itself, with gradients through queries and keys (SimCLR); contrast.momentum then has no effect",
    )
    symmetric: bool = Field(
        False,
        description="with negatives=batch and two views: also the other way round, key view through the query encoder "
        "and query view through the key encoder; the loss is the mean of both",
    )
    temperature: float = Field(0.2, gt=0, description="T of Eq. 7: similarities are divided by it")
    debiased: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="class prior tau+ of the debiased loss (Chuang et al. 2020): the share of the negatives that is "
        "expected to be of the query's own class; 0: off, the plain loss",
    )
    momentum: float | Literal["auto"] = Field(
        0.999,
        description="EMA momentum of the key encoder (m of MoCo, Eq. 2), from 0 to 1; auto: from the length of the run",
    )
    momentum_end: float | None = Field(
        None, ge=0, le=1, description="momentum at the end of the run, on a cosine schedule (BYOL); null: constant"
    )
    bn_groups: int = Field(
        8, ge=0, description="BatchNorm groups of the global batch, with keys permuted (shuffled BN); 0 turns it off"
    )
    enqueue_views: Literal["one", "all"] = Field(
        "one", description="key views enqueued per step; with one, the age of the negatives does not depend on views"
    )
    reduction: Literal["sum", "mean"] = Field(
        "sum", description="over levels and key views; the paper sums, so gradients grow with the number of views"
    )

    @field_validator("momentum", mode="before")
    @classmethod
    def _share_or_auto(cls, momentum: Any) -> Any:
        if momentum == "auto" or (isinstance(momentum, int | float) and 0 <= momentum <= 1):
            return momentum
        raise ValueError("must be a number from 0 to 1, or auto")

    @model_validator(mode="after")
    def _symmetric_in_the_batch(self) -> Self:
        if self.symmetric and self.negatives == "queue":
            what = "contrast.symmetric needs the negatives of the batch: a queue holds the keys of one direction"
            raise InputError(what, where="contrast.symmetric", fix="add contrast.negatives=batch")
        return self

    @model_validator(mode="after")
    def _end_to_end_in_the_batch(self) -> Self:
        if self.keys == "momentum":
            return self
        if self.negatives == "queue":
            what = "contrast.keys=end_to_end needs the negatives of the batch: keys of earlier steps have no gradient"
            raise InputError(what, where="contrast.keys", fix="add contrast.negatives=batch")
        if self.symmetric:
            what = "contrast.symmetric has no meaning with contrast.keys=end_to_end, where every view is query and key"
            raise InputError(what, where="contrast.symmetric", fix="leave contrast.symmetric out")
        return self

    def resolved(self, steps: int, batch_size: int, views: int, *, queue: bool = True) -> Self:
        """The settings with a number for ``momentum=auto``.

        Args:
            steps: Length of the run in steps.
            batch_size: Global batch.
            views: Views per sample, of which one is the query.
            queue: Whether the method has a queue of keys.
        """
        if self.momentum != "auto":
            return self
        age = self.queue_age(batch_size, views) if queue else 0.0
        return self.model_copy(update={"momentum": auto_momentum(steps, age)})

    def queue_age(self, batch_size: int, views: int) -> float:
        """Age of the oldest queued key in steps; 0 with negatives of the batch."""
        enqueued = batch_size * (max(1, views - 1) if self.enqueue_views == "all" else 1)
        return self.queue / enqueued if self.negatives == "queue" else 0.0

    def batch_negatives(self, batch_size: int, views: int) -> int | None:
        """Negatives of a query on each level with ``negatives=batch``; ``None`` with a queue."""
        if self.negatives == "queue":
            return None
        counted = views - (self.keys == "momentum")  # without key encoder, all views are keys
        return counted * (batch_size - 1)

    def batch_note(self, count: int) -> str:
        """A line for the log on ``count`` `batch_negatives`, and on what has no effect with them."""
        unused = "contrast.queue and contrast.enqueue_views are not used"
        if self.keys == "end_to_end":
            unused = "without a key encoder contrast.queue, .enqueue_views and .momentum have no effect"
        return f"contrast.negatives=batch: {count} negatives a query and level; {unused}"

    def momentum_at(self, step: int, steps: int) -> float:
        """The momentum at ``step`` (counted from 0) of ``steps``; of `resolved` settings."""
        if self.momentum == "auto":
            raise ValueError("contrast.momentum=auto was not resolved")
        if self.momentum_end is None:
            return self.momentum
        progress = (1 - math.cos(math.pi * min(1.0, step / max(1, steps)))) / 2
        return self.momentum + (self.momentum_end - self.momentum) * progress


STATS = ("loss", "top1", "positive", "negative")


class InfoNCE(NamedTuple):
    """The result of `info_nce`.

    Attributes:
        losses: (L,) terms to be added up, reduced over batch and key views; a scalar for inputs without levels.
        stats: Detached, each of the shape of ``losses``: ``loss`` (mean over key views; ln(K+1) for random embeddings),
            ``top1`` (share of positives more similar than every negative), ``positive`` and ``negative`` (mean cosine
            similarity).
    """

    losses: Tensor
    stats: dict[str, Tensor]


def info_nce(
    queries: Tensor,
    keys: Tensor,
    negatives: Tensor,
    temperature: float = 0.2,
    reduction: Literal["sum", "mean"] = "sum",
    prior: float = 0.0,
    counted: int | None = None,
) -> InfoNCE:
    """Contrast every query with its keys and the queue, level by level.

    The computation is in float32 (float64 for float64 inputs), also under autocast.

    Args:
        queries: (L, B, D) unit vectors; the gradient flows to them. Or (B, D), as in MoCo, without levels.
        keys: (V, L, B, D) unit vectors of the same samples, in the same order; without levels (B, D).
        negatives: (L, K, D) unit vectors, without levels (K, D). No gradient flows to them.
        temperature: T.
        reduction: ``sum`` over key views, so that adding the levels gives Eq. 8; ``mean`` divides that by V and by the
            number of levels that are added up.
        prior: tau+ of `codo.contrast.debiased`; 0: the plain loss.
        counted: The number of levels that the caller adds up; by default all L.

    Example:
        >>> import torch
        >>> from torch.nn.functional import cross_entropy, normalize
        >>> from codo.contrast import info_nce
        >>> query = normalize(torch.randn(8, 32), dim=1).requires_grad_()
        >>> key, negatives = normalize(torch.randn(8, 32), dim=1), normalize(torch.randn(100, 32), dim=1)
        >>> loss = info_nce(query, key, negatives, temperature=0.2).losses
        >>> loss.backward()
        >>> logits = torch.cat([(query * key).sum(1, keepdim=True), query @ negatives.T], dim=1) / 0.2
        >>> torch.allclose(loss, cross_entropy(logits, torch.zeros(8, dtype=torch.long)))
        True
    """
    if queries.dim() == 2:
        one = info_nce(queries[None], keys[None, None], negatives[None], temperature, reduction, prior)
        return InfoNCE(one.losses[0], {name: value[0] for name, value in one.stats.items()})
    how = Reduced(temperature, reduction, counted or len(queries), prior)
    terms = []
    with torch.autocast(queries.device.type, enabled=False):
        rows = zip(
            full_precision(queries),
            full_precision(keys).unbind(1),
            full_precision(negatives.detach()),
            strict=True,
        )
        for query, key, negative in rows:
            rest, hardest = _QueueLogSumExp.apply(query, negative, temperature)
            with torch.no_grad():
                similarity = (query @ negative.mean(0)).mean()  # mean over B and K without the (B, K) matrix
            terms.append(level_term(query, key, Negatives(len(negative), rest, hardest, similarity), how))
    return stacked_terms(terms)


class Negatives(NamedTuple):
    """What the loss of one level takes of its negatives.

    Attributes:
        number: N, negatives of a query.
        rest: (B,), s: log-sum-exp of the negatives.
        hardest: (B,), similarity of the nearest negative.
        similarity: Mean similarity of all negatives.
    """

    number: int
    rest: Tensor
    hardest: Tensor
    similarity: Tensor


class Reduced(NamedTuple):
    """How the loss of a level is computed from similarities, and reduced; see `info_nce`."""

    temperature: float
    reduction: Literal["sum", "mean"]
    counted: int
    prior: float


def level_term(query: Tensor, key: Tensor, negatives: Negatives, how: Reduced) -> tuple[Tensor, Tensor]:
    """The loss of one level and its four `STATS`.

    Args:
        query: (B, D).
        key: (V, B, D), the positives.
        negatives: Of this level.
        how: Temperature, class prior, reduction.
    """
    positive = torch.einsum("bd,vbd->vb", query, key)  # (V, B)
    rest = debias(negatives.rest, positive, negatives.number, how.prior, how.temperature)
    loss = -F.logsigmoid(positive / how.temperature - rest).mean(1)  # (V,)
    with torch.no_grad():
        top1 = (positive > negatives.hardest).to(loss.dtype).mean()
        stats = torch.stack((loss.mean(), top1, positive.mean(), negatives.similarity))
    return loss.sum() if how.reduction == "sum" else loss.mean() / how.counted, stats


def stacked_terms(terms: list[tuple[Tensor, Tensor]]) -> InfoNCE:
    """The levels' results of `level_term` as one."""
    losses, stats = zip(*terms, strict=True)
    return InfoNCE(torch.stack(losses), dict(zip(STATS, torch.stack(stats, dim=1), strict=True)))


def mean_of(one: InfoNCE, other: InfoNCE) -> InfoNCE:
    """The mean of two results, losses and statistics."""
    stats = {name: (value + other.stats[name]) / 2 for name, value in one.stats.items()}
    return InfoNCE((one.losses + other.losses) / 2, stats)


class _QueueLogSumExp(torch.autograd.Function):
    """log sum_j exp(q.n_j / T) and max_j q.n_j, with the gradient for q computed in the forward pass.

    Autograd would keep the (B, K) logits of every level until the backward pass: 1 GiB at B = 1024, K = 65536, L = 4.
    The gradient is only (B, D), and both ways take the same two matrix products.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, negatives: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
        # (B, K), the only matrix of this size: everything that follows is in place.
        logits = (query / temperature) @ negatives.T
        peak = logits.amax(1, keepdim=True)
        weights = logits.sub_(peak).exp_()
        mass = weights.sum(1, keepdim=True)
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(weights @ negatives / (mass * temperature))  # (B, D)
        total, hardest = (peak + mass.log())[:, 0], peak[:, 0] * temperature
        ctx.mark_non_differentiable(hardest)
        return total, hardest

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_total: Tensor, _: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return grad_total[:, None] * gradient, None, None


def full_precision(x: Tensor) -> Tensor:
    """Float32, or float64 as it is."""
    return x if x.dtype == torch.float64 else x.float()
