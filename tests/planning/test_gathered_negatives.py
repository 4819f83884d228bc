from __future__ import annotations

from typing import Any

import pytest

import codo
from codo.planning.gathered_negatives import gathered_logits
from codo.training.pretrain_settings import PretrainSettings
from tests.training.tiny import MODEL

DIM = MODEL["embedding_dim"]


def settings(**contrast: Any) -> PretrainSettings:
    values = {"foregrounds": "-", "out": "-", "backgrounds": ["-"], "steps": 1, "batch_size": 16, "model": MODEL}
    return PretrainSettings.model_validate({**values, "contrast": contrast})


def flops(found: list[tuple[float, float]]) -> float:
    return sum(work for work, _ in found)


def test_the_logits_of_other_gpus_by_hand() -> None:
    """4 queries and 12 samples of other GPUs: a product for the logits, and one for the gradient of the queries."""
    found = gathered_logits(settings(negatives="batch"), 4, views=2, levels=3)
    assert flops(found) == 3 * 2 * (2 * 4 * 12 * DIM)
    assert all(work >= 0 and moved >= 0 for work, moved in found)
    assert sum(moved for _, moved in found) > 3 * 12 * DIM * 4  # the gathered keys at least are read
    assert flops(gathered_logits(settings(negatives="batch"), 4, views=4, levels=3)) == 3 * flops(found)
    assert flops(gathered_logits(settings(negatives="batch", symmetric=True), 4, 2, 3)) == 2 * flops(found)
    assert flops(gathered_logits(settings(negatives="batch", keys="end_to_end"), 4, 2, 3)) > 2 * flops(found)


def test_nothing_is_added_on_one_gpu_or_with_a_queue() -> None:
    assert gathered_logits(settings(negatives="batch"), 16, 2, 4) == []
    assert gathered_logits(settings(negatives="queue"), 4, 2, 4) == []


def test_a_plan_counts_them() -> None:
    """The work of a sample grows with the number of GPUs, by the products above."""
    given: dict[str, Any] = {"model": MODEL, "canvas": 64, "steps": 1, "images": 1000, "contrast": {"bn_groups": 0}}
    works = {}
    for negatives in ("batch", "queue"):
        given["contrast"] = {"negatives": negatives, "queue": 64, "bn_groups": 0}
        works[negatives] = [
            codo.plan(None, **given, batch_size=4 * gpus, gpus=gpus).line("step", "work").value for gpus in (1, 4)
        ]
    one, four = works["batch"]
    assert four - one == pytest.approx(4 * 2 * (2 * 4 * 12 * DIM) / 4 / 1e9, rel=1e-6)
    assert works["queue"][0] == works["queue"][1]
