"""SwAV against a plain computation: assignments, prototypes that wait, the queue."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from codo.contrast.infonce import ContrastSettings
from codo.core.errors import InputError
from codo.loading.crop_dataset import CropBatch
from codo.methods.base import Setup
from codo.methods.swav import SwAV
from tests.methods.crops import MODEL, B, S, batch, build, projections


def test_swav_s_assignments_are_doubly_stochastic() -> None:
    from lightly.loss.swav_loss import sinkhorn

    scores = torch.randn(32, 8, generator=torch.Generator().manual_seed(0))
    q = sinkhorn(scores, iterations=50, epsilon=0.05)  # (samples, prototypes)
    assert torch.allclose(q.sum(dim=1), torch.ones(32), atol=1e-5)
    assert torch.allclose(q.sum(dim=0), torch.full((8,), 32 / 8), rtol=0.02)


def swav_by_hand(method: Any, data: CropBatch) -> float:
    """Each large view's assignment predicted by every other view."""
    prototypes = F.normalize(method.prototypes.weight, dim=1)
    scores = [F.normalize(z, dim=1) @ prototypes.T for z in projections(method, data)]
    total, terms = 0.0, 0
    for i in range(2):
        q = (scores[i].detach() / 0.05).exp()
        for _ in range(3):
            q = q / q.sum(0, keepdim=True) / q.shape[1]
            q = q / q.sum(1, keepdim=True) / q.shape[0]
        q = q / q.sum(1, keepdim=True)
        for j, other in enumerate(scores):
            if j != i:
                total -= (q * F.log_softmax(other / 0.1, dim=1)).sum(1).mean().item()
                terms += 1
    return total / terms


def test_swav_by_hand_and_prototypes_wait() -> None:
    method = build(SwAV, prototypes=5, hidden=16, small_views=2, frozen_steps=3)
    data = batch(sides=(S, S, 32, 32))
    assert method(data).loss.item() == pytest.approx(swav_by_hand(method, data), rel=1e-3)
    for step, moves in ((2, False), (3, True)):
        method.zero_grad()
        method(data._replace(step=step)).loss.backward()
        assert bool(method.prototypes.weight.grad.abs().sum() > 0) == moves


def test_swav_s_queue_joins_when_it_is_full() -> None:
    method = build(SwAV, prototypes=5, hidden=16, small_views=0, queue=8, queue_from=0.02, steps=100)
    joined = []
    for step in range(4):
        method(batch(seed=step, step=step))
        joined.append(method._past() is not None)
        method.on_step_end()
    assert joined == [False, False, True, True]  # from step 2 of 100 on; 12 embeddings have passed by then
    assert torch.equal(method.bank[:, :B], method._large)


def test_a_queue_that_does_not_divide_is_refused() -> None:
    own = SwAV.Options.model_validate({"queue": 9})
    with pytest.raises(InputError, match="a queue of 9 is not divisible by 2 ranks"):
        SwAV(Setup(MODEL, ContrastSettings(), own, batch_size=B, world=2))
