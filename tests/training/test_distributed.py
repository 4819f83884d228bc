from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch._C._distributed_c10d import TCPStore

from codo.training.distributed import join_processes, visible_gpus, worker_environments, world_size
from tests.training.tiny import environment


def test_gpus_are_named_as_a_process_of_its_own_understands_them() -> None:
    assert visible_gpus(None, 2) == ["0", "1"]
    assert visible_gpus("3, 5", 2) == ["3", "5"]
    assert visible_gpus("GPU-ab12", 1) == ["GPU-ab12"]
    assert visible_gpus("3,5,7", 2) == ["3", "5"]  # torch sees fewer than are named


def test_on_the_cpu_places_share_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("codo.training.distributed.usable_cores", lambda: 8)
    assert [place["OMP_NUM_THREADS"] for place in worker_environments(3, "cpu")] == ["2"] * 3
    assert len(worker_environments(None, "cpu")) == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert [place["OMP_NUM_THREADS"] for place in worker_environments(2, "cpu")] == ["5"] * 2


def test_every_gpu_is_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    assert [place["CUDA_VISIBLE_DEVICES"] for place in worker_environments(None, "auto")] == ["4", "6"]
    assert [place["CUDA_VISIBLE_DEVICES"] for place in worker_environments(3, "cuda")] == ["4", "6", "4"]
    assert [place["CUDA_VISIBLE_DEVICES"] for place in worker_environments(2, "cuda:1")] == [
        "4,6",
        "4,6",
    ]  # it says itself where


def test_processes_that_torchrun_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert world_size() == 1
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert world_size() == 4


@pytest.mark.parametrize(("quota", "omp", "threads"), [(2, None, 2), (None, None, 3), (8, None, 3), (2, "3", 3)])
def test_torch_keeps_to_a_containers_quota(
    quota: int | None, omp: str | None, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quota can only lower the number, ``OMP_NUM_THREADS`` has the last word, and afterwards all is as before."""
    before = torch.get_num_threads()
    monkeypatch.setattr("codo.training.distributed.cpu_quota", lambda: quota)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if omp:
        monkeypatch.setenv("OMP_NUM_THREADS", omp)
    torch.set_num_threads(3)
    try:
        with join_processes("cpu"):
            assert torch.get_num_threads() == threads
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_keys_of_processes_that_torchrun_has_restarted_are_their_own(tmp_path: Path) -> None:
    """The launcher may keep its store, in which the addresses of the processes before are."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    code = "from codo.training.distributed import join_processes\nwith join_processes('cpu') as all: all.barrier()"
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port)}
    shared |= {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "3"}
    ranks = [
        subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environment() | shared | {"RANK": str(rank)})
        for rank in range(2)
    ]
    assert [rank.wait(timeout=120) for rank in ranks] == [0, 0]
    keys = store.list_keys()
    assert len(keys) >= 4  # an address for each rank, and its signs of life
    assert all(key.startswith("codo/3/") for key in keys)
