from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from codo.contrast.bn_groups import gather, groups_per_rank, inverse, permutation, unshuffle
from codo.core.errors import InputError
from tests.ranks import on_two_ranks


@given(seed=st.integers(0, 2**63), step=st.integers(0, 2**40), size=st.integers(1, 300))
def test_permutation_is_a_permutation_and_reproducible(seed: int, step: int, size: int) -> None:
    order = permutation(seed, step, size)
    assert sorted(order) == list(range(size))
    assert np.array_equal(order, permutation(seed, step, size))


def test_permutation_depends_on_seed_and_step() -> None:
    orders = {tuple(permutation(seed, step, 64)) for seed in range(8) for step in range(8)}
    assert len(orders) == 64


def test_permutation_never_changes() -> None:
    # written down once: another order would break the resumption of every run in progress
    assert permutation(0, 0, 8).tolist() == GOLDEN[0]
    assert permutation(7, 1000, 8).tolist() == GOLDEN[1]


GOLDEN = ([6, 2, 3, 4, 1, 7, 0, 5], [5, 4, 0, 3, 2, 7, 1, 6])


@given(size=st.integers(1, 100), step=st.integers(0, 1000))
def test_unshuffle_undoes_the_permutation(size: int, step: int) -> None:
    order = torch.from_numpy(permutation(0, step, size))
    keys = torch.randn(2, 4, size, 3)
    assert torch.equal(unshuffle(keys[:, :, order], order), keys)
    assert torch.equal(inverse(order)[order], torch.arange(size))


def test_unshuffle_by_hand() -> None:
    order = torch.tensor([2, 0, 1])  # position 0 holds sample 2, ...
    keys = torch.tensor([[20.0], [0.0], [10.0]])
    assert unshuffle(keys, order).flatten().tolist() == [0.0, 10.0, 20.0]


@pytest.mark.parametrize(
    ("shuffle", "batch", "world", "groups"),
    [(8, 64, 1, 8), (8, 64, 2, 4), (8, 64, 8, 1), (8, 64, 16, 1), (0, 64, 1, 1), (0, 64, 4, 1), (1, 64, 1, 1)],
)
def test_groups_per_rank(shuffle: int, batch: int, world: int, groups: int) -> None:
    assert groups_per_rank(shuffle, batch, world) == groups


@pytest.mark.parametrize(
    ("shuffle", "batch", "world", "message"),
    [(8, 60, 1, "does not divide into 8"), (8, 48, 3, "among 3 ranks"), (8, 8, 1, "one sample"), (0, 9, 2, "2 groups")],
)
def test_groups_that_do_not_work_out_are_refused(shuffle: int, batch: int, world: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        groups_per_rank(shuffle, batch, world)


def test_gather_in_a_single_process_returns_its_argument() -> None:
    keys = torch.randn(1, 4, 6, 2)
    assert gather(keys) is keys


def everyones_keys() -> Tensor:
    """(V-1, L, B, D) with a number in every place that says which place it is."""
    return torch.arange(3 * 4 * 6 * 2, dtype=torch.float32).view(3, 4, 6, 2)


def save_gathered(rank: int, folder: Path) -> None:
    """What one of two ranks has after `gather`."""
    torch.save(gather(everyones_keys()[:, :, 3 * rank : 3 * rank + 3]), folder / f"{rank}.pt")


def test_gather_of_two_processes(tmp_path: Path) -> None:
    on_two_ranks(save_gathered, tmp_path)
    for rank in range(2):
        assert torch.equal(torch.load(tmp_path / f"{rank}.pt"), everyones_keys())
