"""One loader for everything: order, untouched items, workers, and nothing that is waited for without end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from codo.core.errors import CodoError, InputError
from codo.core.signals import STOPPED, stop_signals, until_stopped
from codo.loading.loader import START_METHOD, build_loader, dead_workers_told

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


class Unsendable(Dataset[Any]):
    """The second item cannot be sent: nobody can pickle a function without a name."""

    def __getitem__(self, i: int) -> Any:
        return torch.full((2,), i) if i != 1 else {"function": lambda: torch.ones(1)}


class Fatal(Dataset[Any]):
    """The worker that makes the second item dies, as by the system when memory is short."""

    def __getitem__(self, i: int) -> Any:
        if i == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return i


class Stuck(Dataset[Any]):
    """The second item never comes."""

    def __getitem__(self, i: int) -> Any:
        if i == 1:
            time.sleep(300)
        return i


def test_an_item_that_is_lost_in_the_workers_thread_is_an_error_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's queue prints a traceback and drops it: this waited without end."""
    monkeypatch.setattr("codo.loading.loader.Delivered", lambda dataset, senders: dataset)  # it looks before sending
    items = list(build_loader(Unsendable(), range(3), workers=2, device=CPU))
    assert isinstance(items[1], CodoError)
    assert "local object" in items[1].what  # Python 3.13 no longer says that it cannot pickle it
    assert "workers=0" in items[1].fix
    assert [items[0].tolist(), items[2].tolist()] == [[0, 0], [2, 2]]


def test_a_dead_worker_is_an_error_for_users() -> None:
    with pytest.raises(CodoError, match="a loader worker is killed by signal: Killed") as caught:
        list(build_loader(Fatal(), range(4), workers=2, device=CPU))
    assert len(caught.value.lines()) == 3
    assert "fewer workers" in caught.value.fix


def test_other_errors_are_left_alone() -> None:
    with pytest.raises(RuntimeError, match="no such layer"), dead_workers_told():
        raise RuntimeError("no such layer")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stuck_worker_does_not_keep_the_program(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codo.loading.loader.GRACE", 0.1)
    others = set(multiprocessing.active_children())
    with stop_signals() as stop:
        threading.Timer(0.3, os.kill, (os.getpid(), number)).start()
        assert list(until_stopped(build_loader(Stuck(), range(4), workers=2, device=CPU), stop)) == [0, STOPPED]
    assert set(multiprocessing.active_children()) <= others


def test_items_that_do_not_fit_come_all_the_same_and_this_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codo.loading.delivery.free_memory", lambda folder: 8 * 2**20)  # forked into the workers
    told: list[str] = []
    loader = build_loader(Unsendable(), [0, 2, 3, 4], workers=2, device=CPU, ranks=2, warn=told.append)
    assert [item.tolist() for item in loader] == [[0, 0], [2, 2], [3, 3], [4, 4]]
    assert len(told) == 1
    assert "8 MB free" in told[0]
    assert "from 4 workers" in told[0]
    assert "--shm-size=1g" in told[0]


def test_without_any_shared_memory_there_are_no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codo.loading.loader.free_memory", lambda: 0)
    told: list[str] = []
    loader = build_loader(Squares(), range(3), workers=2, device=CPU, warn=told.append)
    assert loader.num_workers == 0
    assert len(list(loader)) == 3
    assert "workers=0" in told[0]


UNFINISHED = """
import torch
from torch.utils.data import Dataset
from codo.loading.loader import build_loader

class Numbers(Dataset):
    def __getitem__(self, i):
        return i

items = iter(build_loader(Numbers(), range(40), workers=2, device=torch.device("cpu")))
print(next(items))
"""


def test_the_end_of_a_program_does_not_wait_for_an_iteration_in_a_global_variable() -> None:
    """Python waits for child processes before it clears globals, and the workers ignore its SIGTERM."""
    # On one core torch advises fewer workers.
    command = [sys.executable, "-W", "ignore:This DataLoader will create", "-c", UNFINISHED]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert (done.stdout, done.stderr) == ("0\n", "")


SMALL = """
import sys, torch
from torch.utils.data import Dataset
from codo.core.errors import CodoError
from codo.loading import delivery
from codo.loading.loader import build_loader

class Images(Dataset):
    def __getitem__(self, i):
        return [torch.full((3, 800, 1000), i, dtype=torch.uint8) for _ in range(2)]

if sys.argv[1] == "unchecked":
    delivery.fits = lambda *given: True
loader = build_loader(Images(), range(8), workers=4, device=torch.device("cpu"), warn=lambda text: print("told"))
kept = []
for item in loader:
    if isinstance(item, CodoError):
        print(item)
        break
    assert all(bool((image == len(kept)).all()) for image in item)
    kept.append(item)
print(len(kept), "items")
"""


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="a small /dev/shm needs root on Linux")
def test_a_small_dev_shm_takes_all_items_and_without_the_check_it_is_an_error() -> None:
    """The real thing: 12 MB of shared memory, eight batches of 4.6 MB that the reader keeps."""
    mount = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=12m none /dev/shm && exec "$@"', "sh"]
    if subprocess.run([*mount, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not allow mounting a tmpfs")
    command = [*mount, sys.executable, "-c", SMALL]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done, lost = (
        subprocess.Popen(
            [*command, mode], stdout=subprocess.PIPE, text=True, env=environment, stderr=subprocess.DEVNULL
        )
        for mode in ("checked", "unchecked")
    )
    assert done.communicate(timeout=120)[0].splitlines() == ["told", "8 items"]
    lines = lost.communicate(timeout=120)[0].splitlines()
    assert "cannot send a batch" in lines[0]
    assert "No space left" in lines[0] or "unable to allocate shared memory" in lines[0]  # the latter of torch 2.11
    assert "--shm-size" in lines[2]
