"""InfoMin against a computation with loops: the loss, what is queued, which parts learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from codo.methods.infomin import InfoMin
from tests.methods.jigsaws import B, K, batch, cross_entropy, in_order, method, pooled
from tests.methods.learning import check_only_the_query_learns


def test_infomin_by_hand() -> None:
    ours, data = method(InfoMin, jigsaw_weight=0.3), batch(views=3, keys=False)
    queue = ours.queue.keys[0].clone()
    heads = ours.query.projection
    query = heads["image"](pooled(ours, ours.query, data.pair.query_images)[-1])
    patches = heads["patch"](pooled(ours, ours.query, data.query)[-1])  # (B, 9, D)
    jigsaw = heads["jigsaw"](torch.cat(patches.unbind(1), dim=1))
    expected, keys = torch.zeros(()), []
    for view in data.pair.key_images:
        keys.append(in_order(ours.key.projection["image"](pooled(ours, ours.key, view)[-1]), data))
        expected = expected + 0.7 * cross_entropy(query, keys[-1], queue) + 0.3 * cross_entropy(jigsaw, keys[-1], queue)
    output = ours(data)
    assert output.loss.item() == pytest.approx(expected.item(), rel=1e-9)
    check_only_the_query_learns(ours, output.loss)
    ours.on_step_end()
    assert torch.allclose(ours.queue.keys[0, :B], F.normalize(keys[0], dim=1), atol=1e-9)


def test_starts_at_guessing() -> None:
    ours, data = method(InfoMin), batch()
    ours.on_first_batch(data)
    assert ours(data).loss.item() == pytest.approx(np.log(K + 1), rel=0.25)
