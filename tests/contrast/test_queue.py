from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from codo.contrast.queue import LevelQueue


class ListQueue:
    """The obvious version: per level a Python list whose slot ``count % K`` is overwritten, one key at a time."""

    def __init__(self, start: Tensor) -> None:
        self.levels = [list(level) for level in start]
        self.count = 0

    def enqueue(self, keys: Tensor) -> None:
        for i in range(keys.shape[1]):
            for level, slots in enumerate(self.levels):
                slots[self.count % len(slots)] = keys[level, i]
            self.count += 1


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, 9), batches=st.lists(st.integers(1, 25), min_size=1, max_size=6))
def test_equals_a_list_whatever_the_batches(size: int, batches: list[int]) -> None:
    generator = torch.Generator().manual_seed(0)
    queue = LevelQueue(2, size, 3, generator)
    slow = ListQueue(queue.keys.clone())
    for n in batches:
        keys = torch.randn(2, n, 3, generator=generator)
        queue.enqueue(keys)
        slow.enqueue(keys)
        assert torch.equal(queue.keys, torch.stack([torch.stack(level) for level in slow.levels]))
        assert queue.filled == slow.count
        assert queue.pointer == slow.count % size


def test_starts_with_reproducible_random_unit_vectors() -> None:
    one, two, other = (LevelQueue(4, 50, 8, torch.Generator().manual_seed(seed)).keys for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert torch.allclose(one.norm(dim=-1), torch.ones(4, 50))
    assert one.mean(1).norm(dim=-1).max() < 0.5  # all directions, no preferred one


def test_state_survives_a_checkpoint() -> None:
    queue = LevelQueue(2, 5, 3)
    queue.enqueue(torch.randn(2, 7, 3))
    resumed = LevelQueue(2, 5, 3)
    resumed.load_state_dict(queue.state_dict())
    more = torch.randn(2, 4, 3)
    queue.enqueue(more)
    resumed.enqueue(more)
    assert set(queue.state_dict()) == {"keys", "pointer", "filled"}
    assert all(torch.equal(resumed.state_dict()[name], value) for name, value in queue.state_dict().items())


def test_takes_keys_of_another_precision_without_their_gradient() -> None:
    queue = LevelQueue(1, 4, 2)
    queue.enqueue(torch.ones(1, 2, 2, dtype=torch.bfloat16, requires_grad=True))
    assert queue.keys.dtype == torch.float32
    assert not queue.keys.requires_grad
    assert torch.equal(queue.keys[0, :2], torch.ones(2, 2))
