"""Batches of one aspect."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codo.detection.sampler import AspectSampler, group


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 8), st.integers(0, 5))
def test_nothing_is_lost_and_at_most_one_batch_is_mixed(tall: list[bool], batch: int, seed: int) -> None:
    kinds = np.array(tall)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(kinds))
    grouped = group(order, kinds[order], batch, rng)
    assert sorted(grouped) == list(range(len(kinds)))
    full = len(kinds) // batch
    batches = [set(kinds[grouped[i * batch : (i + 1) * batch]].tolist()) for i in range(full)]
    alike = sum(int(np.sum(kinds == kind)) // batch for kind in (False, True))
    assert [len(kind) for kind in batches] == [1] * alike + [2] * (full - alike)
    assert full - alike <= 1


def plans(**options: int) -> list[list[int]]:
    tall = np.arange(23) % 3 == 0
    return [plan.query.tolist() for plan in AspectSampler(tall, 4, 7, **{"start": 0, "stop": 15, **options})]


def test_steps_depend_on_the_seed_and_step_alone() -> None:
    whole = plans()
    assert plans(start=6) == whole[6:]
    halves = [plans(rank=rank, world=2) for rank in (0, 1)]
    assert [a + b for a, b in zip(*halves, strict=True)] == whole


def test_epochs_differ_and_do_not_repeat_an_image() -> None:
    first, second, third = (plans()[i : i + 5] for i in (0, 5, 10))
    for epoch in (first, second, third):
        images = [image for batch in epoch for image in batch]
        assert len(set(images)) == len(images) == 20
    assert first != second != third


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_one_kind_only(share: float) -> None:
    tall = np.full(9, bool(share))
    assert len(list(AspectSampler(tall, 3, 0, start=0, stop=3))) == 3
