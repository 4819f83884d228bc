"""The same global batches whatever the number of ranks or the resume point."""

from __future__ import annotations

import numpy as np
import pytest

from codo.core.errors import InputError
from codo.loading.sampler import StepSampler


def plans(**changes: int | bool) -> list:
    settings = {"samples": 50, "batch_size": 8, "seed": 1, "stop": 14, **changes}
    return list(StepSampler(settings.pop("samples"), settings.pop("batch_size"), settings.pop("seed"), **settings))


def test_an_epoch_sees_no_sample_twice() -> None:
    first = np.concatenate([plan.query for plan in plans()[:6]])  # 50 // 8 = 6 steps
    assert len(set(first.tolist())) == 48


def test_epochs_have_different_orders() -> None:
    epochs = plans()
    assert [plan.epoch for plan in epochs] == [0] * 6 + [1] * 6 + [2] * 2
    assert epochs[0].query.tolist() != epochs[6].query.tolist()


def test_resuming_continues_the_sequence() -> None:
    whole, rest = plans(), plans(start=9)
    for a, b in zip(whole[9:], rest, strict=True):
        assert a.step == b.step
        assert np.array_equal(a.query, b.query)
        assert np.array_equal(a.keys, b.keys)


@pytest.mark.parametrize("world", [2, 4])
def test_ranks_share_the_batch_of_one_process(world: int) -> None:
    ranks = [plans(rank=rank, world=world) for rank in range(world)]
    for step, whole in enumerate(plans()):
        parts = [rank[step] for rank in ranks]
        assert np.array_equal(np.concatenate([part.query for part in parts]), whole.query)
        assert np.array_equal(np.concatenate([part.keys for part in parts]), whole.keys)
        assert all(np.array_equal(part.shuffle, whole.shuffle) for part in parts)


def test_keys_are_the_shuffled_batch() -> None:
    for plan in plans():
        assert np.array_equal(plan.query[plan.shuffle], plan.keys)
    assert any(not np.array_equal(plan.query, plan.keys) for plan in plans())


def test_without_shuffling_keys_keep_their_place() -> None:
    assert all(np.array_equal(plan.query, plan.keys) for plan in plans(shuffled=False))


def test_a_batch_larger_than_the_data_is_refused() -> None:
    with pytest.raises(InputError, match="batch_size=64 is larger than the 50 images"):
        plans(batch_size=64)


def test_a_batch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(InputError, match="does not divide over 3"):
        plans(world=3)
