"""What fits into shared memory, by hand, and that items have the same bits either way."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset

from codo.core.errors import CodoError, InputError
from codo.loading import delivery
from codo.loading.delivery import SPARE, Delivered, Piped, fits, free_memory, received, shared_size, undelivered

MB = 2**20


class Item(NamedTuple):
    """Like a batch: tensors in lists and dictionaries, arrays, numbers."""

    images: list[Tensor]
    targets: list[dict[str, Tensor]]
    array: Any
    step: int


def item() -> Item:
    strided = torch.arange(24.0).reshape(2, 3, 2, 2).to(memory_format=torch.channels_last)
    half = torch.ones(5, dtype=torch.bfloat16)
    return Item([torch.zeros(3, 8, 10, dtype=torch.uint8), strided], [{"boxes": half}], np.arange(1000), 3)


class Items(Dataset[Any]):
    """The item, or an error."""

    def __getitem__(self, key: Any) -> Any:
        return item() if key == 0 else InputError("torn", where="a.jpg", fix="remove it")


@pytest.mark.parametrize(
    ("size", "free", "senders", "expected"),
    [
        (24 * MB, 64 * MB, 2, True),  # 48 + 8 of 64
        (24 * MB, 64 * MB, 4, False),  # every worker may add one at the same time
        (24 * MB, 24 * MB + SPARE, 1, True),
        (24 * MB, 24 * MB + SPARE - 1, 1, False),
        (0, SPARE, 16, True),
        (0, 0, 1, False),
    ],
)
def test_the_rule(size: int, free: int, senders: int, expected: bool) -> None:
    assert fits(size, free, senders) == expected


def test_the_size_is_that_of_the_tensors_memory() -> None:
    assert shared_size(item()) == 240 + 24 * 4 + 5 * 2
    whole = torch.zeros(1000)
    assert shared_size([whole[:10], whole[10:20]]) == 4000  # shared as a whole, and once
    assert shared_size({"a": "words", "b": np.zeros(9)}) == 0
    assert shared_size(InputError("torn")) == 0


def test_an_item_that_does_not_fit_comes_through_the_pipe_with_the_same_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "free_memory", lambda folder: SPARE + 3 * 346 - 1)
    sent = Delivered(Items(), senders=3)[0]
    assert isinstance(sent, Piped)
    assert (sent.size, sent.free) == (346, SPARE + 3 * 346 - 1)
    told: list[Piped] = []
    got, expected = received(sent, told.append), item()
    assert told == [sent]
    assert isinstance(got, Item)
    for a, b in zip(
        [*got.images, *got.targets[0].values()], [*expected.images, expected.targets[0]["boxes"]], strict=True
    ):
        assert torch.equal(a, b)
        assert a.dtype == b.dtype
        assert a.stride() == b.stride()
    assert np.array_equal(got.array, expected.array)
    assert got.step == 3


@pytest.mark.parametrize("free", [SPARE + 3 * 346, None])
def test_an_item_that_fits_is_left_alone(free: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "free_memory", lambda folder: free)
    sent = Delivered(Items(), senders=3)[0]
    assert isinstance(sent, Item)
    assert received(sent, lambda piped: pytest.fail("nothing to tell")) is sent


def test_errors_go_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "free_memory", lambda folder: 0)
    got = received(Delivered(Items(), senders=1)[1], lambda piped: None)
    assert isinstance(got, InputError)
    assert got.fix == "remove it"


def test_free_memory_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert free_memory(tmp_path / "none") == 0
    disk = os.statvfs(tmp_path)
    found = free_memory(tmp_path)
    assert found is not None
    assert abs(found - disk.f_bavail * disk.f_frsize) < 0.1 * disk.f_blocks * disk.f_frsize
    monkeypatch.setattr("sys.platform", "darwin")
    assert free_memory(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (RuntimeError("unable to allocate shared memory(shm) for file </a>: No space left on device (28)"), "shm-size"),
        (OSError(errno.EMFILE, "Too many open files"), "ulimit"),
        (AttributeError("Can't pickle local object"), "workers=0"),
        (RuntimeError(), "workers=0"),
    ],
)
def test_the_error_of_a_lost_item_says_what_helps(error: Exception, word: str) -> None:
    lost = undelivered(error)
    assert isinstance(lost, CodoError)
    assert len(lost.lines()) == 3
    assert word in lost.fix
    assert (str(error) or "RuntimeError") in lost.what
