"""Losses over all samples: two ranks compute what one process does, gradients included.

An encoder without BatchNorm stands in, whose statistics would differ between the two.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, distributed, nn

from codo.contrast.infonce import ContrastSettings
from codo.loading.crop_dataset import CropBatch, InstanceBatch
from codo.methods.barlow_twins import BarlowTwins
from codo.methods.base import Method, Setup
from codo.methods.instdisc import InstDisc
from codo.methods.simclr import SimCLR
from codo.methods.swav import SwAV
from codo.models.encoder import ModelSettings
from tests.ranks import on_two_ranks

MODEL = ModelSettings(backbone="resnet18", width=0.125, embedding_dim=6)
B, S, STEPS = 8, 32, 3
CASES: dict[str, tuple[type[Method], dict[str, Any]]] = {
    "simclr": (SimCLR, {}),
    "simclr_debiased": (SimCLR, {}),
    "instdisc": (InstDisc, {"negatives": 7, "proximal": 2.0}),
    "barlow_twins": (BarlowTwins, {"hidden": 8}),
    "swav": (SwAV, {"hidden": 8, "prototypes": 5, "small_views": 1, "queue": 16, "queue_from": 0, "frozen_steps": 0}),
}


class Linear(nn.Module):
    """Pixels, coarsely pooled, times a matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(48, 6, generator=torch.Generator().manual_seed(1)))

    def project(self, pixels: Tensor) -> Tensor:
        return nn.functional.adaptive_avg_pool2d(pixels, 4).flatten(1) @ self.weight


def batch(step: int, mine: slice) -> CropBatch:
    generator = torch.Generator().manual_seed(step)
    views = [torch.randint(0, 256, (B, S, S, 3), dtype=torch.uint8, generator=generator) for _ in range(3)]
    return CropBatch(tuple(view[mine] for view in views), torch.zeros(B), step)


def instances(data: CropBatch, mine: slice) -> InstanceBatch:
    """One view, of images that are the same in every step, in another order."""
    generator = torch.Generator().manual_seed(data.step)
    images = torch.randperm(B, generator=generator)[mine]
    return InstanceBatch(data.views[:1], images, torch.randint(B, (B, 7), generator=generator)[mine], data.step)


def steps(name: str, rank: int, world: int) -> list[Tensor]:
    """Loss and gradient of every step, averaged over the ranks as DistributedDataParallel does."""
    cls, options = CASES[name]
    torch.manual_seed(0)
    own = cls.Options.model_validate(options)
    contrast = ContrastSettings(temperature=0.1, debiased=0.1 if name == "simclr_debiased" else 0)
    method: Any = cls(Setup(MODEL, contrast, own, batch_size=B, world=world, images=B))
    method.encoder = Linear()
    share = B // world
    found = []
    for step in range(STEPS):
        mine = slice(rank * share, (rank + 1) * share)
        data: Any = batch(step, mine)
        if name == "instdisc":
            data = instances(data, mine)
        elif name != "swav":
            data = data._replace(views=data.views[:2])
        if step == 0:
            method.on_first_batch(data)
        loss = method(data).loss
        (gradient,) = torch.autograd.grad(loss, [method.encoder.weight])
        method.on_step_end()
        found.append(torch.cat([loss.detach().view(1), gradient.flatten()]))
        if world > 1:
            distributed.all_reduce(found[-1])
            found[-1] /= world
    return found


def save_steps(rank: int, folder: Path) -> None:
    """What one rank computes."""
    torch.save({name: steps(name, rank, 2) for name in CASES}, folder / f"{rank}.pt")


@pytest.fixture(scope="module")
def of_two_ranks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Tensor]]:
    folder = tmp_path_factory.mktemp("ranks")
    on_two_ranks(save_steps, folder)
    found: dict[str, list[Tensor]] = torch.load(folder / "0.pt")
    return found


@pytest.mark.parametrize("name", CASES)
def test_two_ranks_compute_what_one_process_does(name: str, of_two_ranks: dict[str, list[Tensor]]) -> None:
    for one, two in zip(steps(name, 0, 1), of_two_ranks[name], strict=True):
        assert torch.allclose(one, two, rtol=1e-3, atol=1e-5 * float(one.abs().max()))
