"""Momentum contrast of several parts: two ranks compute what one process does, BatchNorm groups and all.

With two groups the same samples are normalized together either way, so that nothing has to stand in for the network.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, distributed, multiprocessing

from codo.contrast.bn_groups import permutation
from codo.contrast.infonce import ContrastSettings
from codo.loading.jigsaw_dataset import JigsawBatch
from codo.loading.step_dataset import ViewBatch
from codo.methods.base import Setup
from codo.methods.registry import find_method
from codo.models.encoder import ModelSettings

MODEL = ModelSettings(backbone="resnet18", width=0.125, embedding_dim=6)
B, S, P, STEPS = 4, 64, 32, 2
NAMES = ("densecl", "infomin", "detco")


def batch(name: str, step: int, mine: slice) -> ViewBatch | JigsawBatch:
    generator = torch.Generator().manual_seed(step)
    whole = torch.randint(0, 256, (2, B, S, S, 3), dtype=torch.uint8, generator=generator)
    jigsaws = torch.randint(0, 256, (2, B, 9, P, P, 3), dtype=torch.uint8, generator=generator)
    order = torch.from_numpy(permutation(0, step, B))
    box = torch.tensor([0.0, 0, S, S]).expand(1, B, 4)
    pair = ViewBatch(whole[0, mine], box[0, mine], whole[1:, order][:, mine], box[:, mine], order, step)
    return pair if name == "densecl" else JigsawBatch(pair, jigsaws[0, mine], jigsaws[1:, order][:, mine], step)


def steps(name: str, rank: int, world: int) -> list[Tensor]:
    """Loss and gradient of every step, averaged over the ranks as DistributedDataParallel does; and the queue."""
    cls = find_method(name)
    torch.manual_seed(0)
    contrast = ContrastSettings(queue=12, momentum=0.9, bn_groups=2)
    method: Any = cls(Setup(MODEL, contrast, cls.Options(), batch_size=B, world=world)).double().train()
    mine = slice(rank * B // world, (rank + 1) * B // world)
    found = []
    for step in range(STEPS):
        data = batch(name, step, mine)
        if step == 0:
            method.begin(data)
        loss = method(data).loss
        gradients = torch.autograd.grad(loss, list(method.query.parameters()))
        row = torch.cat([loss.detach().view(1), *(gradient.flatten() for gradient in gradients)])
        method.on_step_end()
        if world > 1:
            distributed.all_reduce(row)
            row /= world
        found += [row, method.queue.keys.flatten().clone()]
    return found


def _rank(rank: int, port: int, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    torch.save({name: steps(name, rank, 2) for name in NAMES}, Path(folder) / f"{rank}.pt")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def of_two_ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, list[Tensor]]]:
    folder = tmp_path_factory.mktemp("ranks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(_rank, (port, str(folder)), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("name", NAMES)
def test_two_ranks_compute_what_one_process_does(name: str, of_two_ranks: list[dict[str, list[Tensor]]]) -> None:
    for of_rank in of_two_ranks:  # the same on both
        for one, two in zip(steps(name, 0, 1), of_rank[name], strict=True):
            assert torch.allclose(one, two, rtol=1e-6, atol=1e-9 * float(one.abs().max()))
