"""One loader for everything: order, untouched items, workers, and no draw from torch's global random numbers."""

from __future__ import annotations

import signal
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from codo.core.errors import InputError
from codo.loading.loader import START_METHOD, build_loader

CPU = torch.device("cpu")


class Squares(Dataset[Any]):
    """Arrays, or an error as a value."""

    def __getitem__(self, i: int) -> Any:
        return InputError("no such square", fix="take another") if i == 7 else {"square": np.array([i * i])}


class Threads(Dataset[Any]):
    """What the process that makes an item is allowed."""

    def __getitem__(self, i: int) -> tuple[int, int, bool]:
        ignored = all(signal.getsignal(number) is signal.SIG_IGN for number in (signal.SIGINT, signal.SIGTERM))
        return torch.get_num_threads(), cv2.getNumThreads(), ignored


@pytest.mark.parametrize("workers", [0, 2])
def test_items_come_in_the_samplers_order_as_they_were_made(workers: int) -> None:
    items = list(build_loader(Squares(), [3, 1, 2, 7], workers=workers, device=CPU))
    assert [item["square"].tolist() for item in items[:3]] == [[9], [1], [4]]
    assert all(isinstance(item["square"], np.ndarray) for item in items[:3])  # not made a tensor
    assert isinstance(items[3], InputError)
    assert items[3].fix == "take another"


@pytest.mark.parametrize("workers", [0, 1])
def test_iterating_draws_nothing_from_torchs_random_numbers(workers: int) -> None:
    before = torch.get_rng_state()
    assert len(list(build_loader(Squares(), range(3), workers=workers, device=CPU))) == 3
    assert torch.equal(torch.get_rng_state(), before)


def test_there_are_no_more_workers_than_items() -> None:
    assert build_loader(Squares(), range(2), workers=16, device=CPU).num_workers == 2
    nothing = build_loader(Squares(), range(0), workers=16, device=CPU)
    assert nothing.num_workers == 0
    assert list(nothing) == []


def test_the_start_method_is_ours_and_not_pythons() -> None:
    loader: Any = build_loader(Squares(), range(3), workers=1, device=CPU)
    assert loader.multiprocessing_context.get_start_method() == START_METHOD
    loader = build_loader(Squares(), range(3), workers=1, device=CPU, start_method="spawn")
    assert loader.multiprocessing_context.get_start_method() == "spawn"


def test_a_worker_has_one_thread_and_leaves_signals_to_the_main_process() -> None:
    assert list(build_loader(Threads(), [0], workers=1, device=CPU)) == [(1, 1, True)]
