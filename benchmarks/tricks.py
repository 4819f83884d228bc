"""What each trick of the step gains on a CPU: with it and without, in turn, on one thread.

    python -m benchmarks.tricks

RoIAlign as two products has a benchmark of its own (`roi_align`). A trick whose gain is only to be had on a GPU is not
here, for want of a GPU. No row has a bound, T5 (`step`) has; but what gains nothing is to be taken out again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.command import run
from benchmarks.row import Check, Row
from benchmarks.steps import TINY
from benchmarks.timing import alternate
from codo.contrast import ema
from codo.contrast.infonce import info_nce
from codo.models.encoder import Encoder, ModelSettings

ROUNDS = 3
Side = Callable[[], Tensor]


def rows(options: argparse.Namespace) -> Iterator[Row]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    smoke = options.smoke
    model, canvas, queue = (TINY, 64, 256) if smoke else (ModelSettings(), 128, 65536)
    encoder = Encoder(model).train()
    last = Encoder(model).train().to(memory_format=torch.channels_last)
    last.load_state_dict(encoder.state_dict())
    images = torch.rand(16, canvas, canvas, 3).permute(0, 3, 1, 2)
    boxes = torch.tensor([[0.1, 0.2, 0.7, 0.8]]).mul(canvas).repeat(16, 1)

    def embedded(network: Encoder, pixels: Tensor) -> Tensor:
        return backward(network(pixels, boxes), network)

    plain = images.contiguous()
    yield row("channels last", lambda: embedded(encoder, plain), lambda: embedded(last, images), smoke)

    def one_after_the_other() -> Tensor:
        parts = zip(images.chunk(8), boxes.chunk(8), strict=True)
        return backward(torch.cat([last(*part) for part in parts], dim=1), last)

    together = lambda: backward(last(images, boxes, groups=8), last)  # noqa: E731
    yield row("8 BatchNorm groups of 2 in one pass", one_after_the_other, together, smoke)

    unit = lambda *shape: F.normalize(torch.randn(*shape), dim=-1)  # noqa: E731
    negatives, queries = unit(4, queue, model.embedding_dim), unit(4, 16, model.embedding_dim).requires_grad_()
    for count in (1, 3):
        keys = unit(count, 4, 16, model.embedding_dim)
        yield row(
            f"logits of the queue once for {count} key views, gradient at once",
            lambda keys=keys: gradient(cross_entropies(queries, keys, negatives), queries),
            lambda keys=keys: gradient(info_nce(queries, keys, negatives).losses.sum(), queries),
            smoke,
        )

    first, second = ema.momentum_copy(last), ema.momentum_copy(last)

    def one_by_one() -> Tensor:
        with torch.no_grad():
            for mine, theirs in zip(first.parameters(), encoder.parameters(), strict=True):
                mine.copy_(0.999 * mine + 0.001 * theirs)
        return next(first.parameters()).flatten()

    def at_once() -> Tensor:
        ema.update(second, last, 0.999)
        return next(second.parameters()).flatten()

    yield row("the key encoder follows in one call", one_by_one, at_once, smoke)


def row(what: str, without: Side, with_it: Side, smoke: bool) -> Row:
    """Both sides compute the same, which is checked on what they return."""
    apart = float((without() - with_it()).abs().max())
    times = alternate(lambda _: without(), lambda _: with_it(), [None], rounds=1 if smoke else ROUNDS)
    return Row(
        "step",
        what,
        "ms",
        **times.spreads(1e-3),
        reference_is="without it",
        checks=(Check(f"results differ by {apart:.1e}", apart < 1e-3),),
    )


def backward(embeddings: Tensor, network: nn.Module) -> Tensor:
    """A backward pass; returns the embeddings."""
    weight = torch.linspace(-1, 1, embeddings.numel()).view_as(embeddings)
    (embeddings * weight).sum().backward()
    network.zero_grad(set_to_none=True)
    return embeddings.detach()


def gradient(loss: Tensor, queries: Tensor) -> Tensor:
    """Gradient of the queries."""
    (found,) = torch.autograd.grad(loss, queries)
    return found


def cross_entropies(queries: Tensor, keys: Tensor, negatives: Tensor) -> Tensor:
    """Eq. 7 and 8 as they stand: [positive, negatives] for every level and key view."""
    total = queries.new_zeros(())
    for level, query in enumerate(queries):
        for key in keys[:, level]:
            logits = torch.cat([(query * key).sum(1, keepdim=True), query @ negatives[level].T], dim=1) / 0.2
            total = total + F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))
    return total


if __name__ == "__main__":
    run(__doc__, rows)
