"""DetCo against a computation with loops: the loss, what is queued, which parts learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from codo.methods.detco import DetCo
from tests.methods.jigsaws import B, K, batch, cross_entropy, in_order, method, pooled
from tests.methods.learning import check_only_the_query_learns


def test_detco_by_hand() -> None:
    weights = (0.1, 0.4, 0.7, 1.0)
    ours, data = method(DetCo), batch(views=3)
    queue = ours.queue.keys.clone()
    assert queue.shape == (8, K, 8)
    query = pooled(ours, ours.query, data.pair.query_images), pooled(ours, ours.query, data.query)
    expected, first = torch.zeros(()), torch.empty(8, B, 8, dtype=torch.float64)
    for number, views in enumerate(zip(data.pair.key_images, data.keys, strict=True)):
        key = [pooled(ours, ours.key, one) for one in views]
        for i, weight in enumerate(weights):
            q, q_jigsaw, k, k_jigsaw = (
                net.projection[kind][i](features[i].flatten(1))
                for net, (whole, jigsaw) in ((ours.query, query), (ours.key, key))
                for kind, features in (("whole", whole), ("jigsaw", jigsaw))
            )
            k, k_jigsaw = in_order(k, data), in_order(k_jigsaw, data)
            expected = expected + weight * cross_entropy(q, k, queue[i])
            expected = expected + weight * cross_entropy(q_jigsaw, k_jigsaw, queue[4 + i])
            expected = expected + weight * cross_entropy(q_jigsaw, k, queue[i])
            if number == 0:
                first[i], first[4 + i] = F.normalize(k.detach(), dim=1), F.normalize(k_jigsaw.detach(), dim=1)
    output = ours(data)
    assert output.loss.item() == pytest.approx(expected.item(), rel=1e-9)
    check_only_the_query_learns(ours, output.loss)
    ours.on_step_end()
    assert torch.allclose(ours.queue.keys[:, :B], first, atol=1e-9)
    assert {name for name in ours.log_stats() if name.startswith("std/")} == {f"std/{level}" for level in ours.levels}


def test_starts_at_guessing() -> None:
    ours, data = method(DetCo), batch()
    ours.on_first_batch(data)
    assert ours(data).loss.item() == pytest.approx(3 * 2.2 * np.log(K + 1), rel=0.25)
