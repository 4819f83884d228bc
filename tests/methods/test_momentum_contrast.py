"""Momentum contrast: the queue, the statistics; and two ranks compute what one process does, BatchNorm groups and all.

With two groups the same samples are normalized together either way, so that nothing has to stand in for the network.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, distributed

from codo.contrast.bn_groups import permutation
from codo.contrast.infonce import ContrastSettings
from codo.core.errors import InputError
from codo.loading.jigsaw_dataset import JigsawBatch
from codo.loading.step_dataset import ViewBatch
from codo.methods.base import Setup
from codo.methods.moco import MoCo
from codo.methods.momentum_contrast import effective_rank
from codo.methods.registry import find_method
from codo.models.encoder import ModelSettings
from tests.ranks import on_two_ranks

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
            method.on_first_batch(data)
        loss = method(data).loss
        gradients = torch.autograd.grad(loss, list(method.query.parameters()))
        row = torch.cat([loss.detach().view(1), *(gradient.flatten() for gradient in gradients)])
        method.on_step_end()
        if world > 1:
            distributed.all_reduce(row)
            row /= world
        found += [row, method.queue.keys.flatten().clone()]
    return found


def save_steps(rank: int, folder: Path) -> None:
    """What one rank computes."""
    torch.save({name: steps(name, rank, 2) for name in NAMES}, folder / f"{rank}.pt")


@pytest.fixture(scope="module")
def of_two_ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, list[Tensor]]]:
    folder = tmp_path_factory.mktemp("ranks")
    on_two_ranks(save_steps, folder)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("name", NAMES)
def test_two_ranks_compute_what_one_process_does(name: str, of_two_ranks: list[dict[str, list[Tensor]]]) -> None:
    for of_rank in of_two_ranks:  # the same on both
        for one, two in zip(steps(name, 0, 1), of_rank[name], strict=True):
            assert torch.allclose(one, two, rtol=1e-6, atol=1e-9 * float(one.abs().max()))


def test_effective_rank_by_hand() -> None:
    assert float(effective_rank(torch.diag(torch.tensor([1.0, 1.0, 1.0, 0.0])))) == pytest.approx(3, rel=1e-3)


def queued(views: int, batches: int, **contrast: Any) -> tuple[Any, list[Tensor]]:
    """A method after some steps, and the keys ``(V - 1, B, D)`` of each."""
    torch.manual_seed(0)
    settings = ContrastSettings.model_validate({"queue": 12, "momentum": 0.9, "bn_groups": 2, **contrast})
    method: Any = MoCo(Setup(MODEL, settings, MoCo.Options(), batch_size=B)).train()
    keys = []
    for step in range(batches):
        generator = torch.Generator().manual_seed(step)
        images = torch.randint(0, 256, (views, B, 32, 32, 3), dtype=torch.uint8, generator=generator)
        order = torch.from_numpy(permutation(0, step, B))
        box = torch.tensor([0.0, 0, 32, 32]).expand(views, B, 4)
        data = ViewBatch(images[0], box[0], images[1:, order], box[1:], order, step)
        keys.append(method.embed_keys(data)[:, 0])
        method(data)
        method.on_step_end()
    return method, keys


def test_views_take_turns_in_the_queue_or_all_go_in() -> None:
    method, keys = queued(3, 3)
    expected = torch.cat([keys[0][0], keys[1][1], keys[2][0]])  # one view a step
    assert torch.allclose(method.queue.keys[0], expected, atol=1e-6)
    method, keys = queued(3, 1, enqueue_views="all")
    assert torch.allclose(method.queue.keys[0, : 2 * B], keys[0].flatten(0, 1), atol=1e-6)
    assert int(method.queue.filled) == 2 * B


def test_drift_is_how_much_nearer_the_newest_keys_are() -> None:
    method, _ = queued(2, 1)
    along, across = torch.eye(6)[0], torch.eye(6)[1]
    method._queries = along.expand(1, B, 6)
    method.queue.keys[0] = across
    method.queue.pointer.fill_(5)  # the oldest key is at 5, the newest at 4; an eighth of 12 keys is one
    method.queue.keys[0, 4], method.queue.keys[0, 5] = along, -along
    assert float(method.log_stats()["drift/image"]) == pytest.approx(2)


def test_a_batch_that_does_not_divide_into_the_groups_is_refused() -> None:
    with pytest.raises(InputError, match="batch_size 4 does not divide into 3 groups"):
        queued(2, 0, bn_groups=3)
