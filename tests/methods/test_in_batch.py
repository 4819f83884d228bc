"""Negatives of the batch, in one and in both directions: by hand, golden losses, and two ranks against one process."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from codo.contrast.bn_groups import permutation
from codo.contrast.infonce import ContrastSettings
from codo.core.errors import InputError
from codo.loading.step_dataset import ViewBatch
from codo.methods.base import Setup
from codo.methods.momentum_contrast import MomentumContrast
from codo.methods.registry import find_method
from codo.models.encoder import ModelSettings
from tests.methods.learning import check_only_the_query_learns, check_ranks, loss_and_gradient
from tests.ranks import on_two_ranks

B, S, T, M = 8, 64, 0.2, 0.9
MODEL = ModelSettings(backbone="resnet18", width=0.125, fpn_channels=16, head="1conv1fc", head_dim=32, embedding_dim=16)
pytestmark = pytest.mark.usefixtures("one_thread")


def method(name: str, world: int = 1, *, norm: bool = False, **contrast: Any) -> MomentumContrast:
    cls: Any = find_method(name)
    torch.manual_seed(0)
    settings = ContrastSettings.model_validate(
        {"negatives": "batch", "bn_groups": 2, "momentum": M, "temperature": T, **contrast}
    )
    model = MODEL.model_copy(update={"projection_norm": "bn" if norm else "none"})
    made: MomentumContrast = cls(Setup(model, settings, cls.Options(), batch_size=B, world=world)).train()
    return made


def batch(name: str, step: int, views: int = 2, mine: slice = slice(None)) -> ViewBatch:
    """Random pixels and boxes, keys in the shuffled order of the step; InsLoc's views have two boxes."""
    generator = torch.Generator().manual_seed(step)
    images = torch.randint(0, 256, (views, B, S, S, 3), dtype=torch.uint8, generator=generator)
    low = 24 * torch.rand(views, B, 2, generator=generator)
    boxes = torch.cat([low, low + 16 + 24 * torch.rand(views, B, 2, generator=generator)], dim=2)
    if name == "insloc":
        boxes = torch.cat([boxes, boxes + 2], dim=2)
    order = torch.from_numpy(permutation(0, step, B))
    return ViewBatch(
        images[0, mine], boxes[0, mine], images[1:, order][:, mine], boxes[1:, order][:, mine], order, step
    )


def plain_embed(ours: MomentumContrast, encoder: Any, images: Tensor, boxes: Tensor) -> Tensor:
    """Each BatchNorm group by itself: (L, B, D)."""
    pixels, half = ours.pixels(images), B // 2
    return torch.cat([encoder(pixels[i : i + half], boxes[i : i + half]) for i in (0, half)], dim=1)


def plain_loss(queries: Tensor, keys: list[Tensor]) -> Tensor:
    """Cross-entropy for each level, query and positive, over that positive and all keys of other samples."""
    loss = queries.new_zeros(())
    for level in range(len(queries)):
        for key in keys:
            for i in range(B):
                others = [one[level, j] for one in keys for j in range(B) if j != i]
                logits = torch.stack([key[level, i], *others]) @ queries[level, i] / T
                loss = loss + F.cross_entropy(logits[None], torch.tensor([0])) / B
    return loss


@pytest.mark.parametrize(
    ("name", "views", "symmetric"),
    [
        ("codo", 2, False),
        ("codo", 3, False),
        ("codo", 2, True),
        ("moco_v2", 3, False),
        ("moco_v2", 2, True),
        ("insloc", 2, False),
        ("insloc", 2, True),
    ],
)
def test_step_by_step_equal_to_the_plain_version(name: str, views: int, symmetric: bool) -> None:
    # In float64, for BatchNorm over so few samples soon makes a large difference of a small one.
    ours = method(name, symmetric=symmetric).double()
    query, key = copy.deepcopy(ours.query), copy.deepcopy(ours.key)
    optimizers = [torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9) for net in (ours.query, query)]
    for step in range(3):
        data = batch(name, step, views)
        boxes, key_boxes = data.query_boxes.double(), data.key_boxes.double()
        data = data._replace(query_boxes=boxes, key_boxes=key_boxes)
        back = torch.argsort(data.shuffle)
        with torch.no_grad():
            keys = [plain_embed(ours, key, *view)[:, back] for view in zip(data.key_images, key_boxes, strict=True)]
        expected = plain_loss(plain_embed(ours, query, data.query_images, boxes), keys)
        if symmetric:
            with torch.no_grad():
                swapped = plain_embed(ours, key, data.query_images, boxes)
            queries = plain_embed(ours, query, data.key_images[0], key_boxes[0])[:, back]
            expected = (expected + plain_loss(queries, [swapped])) / 2
        losses = [ours(data).loss, expected]
        assert float(losses[0].detach()) == pytest.approx(float(losses[1].detach()), rel=1e-9)
        for loss, optimizer in zip(losses, optimizers, strict=True):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        ours.on_step_end()
        with torch.no_grad():
            for slow, fast in zip(key.parameters(), query.parameters(), strict=True):
                slow.copy_(M * slow + (1 - M) * fast)
    for a, b in zip(ours.parameters(), [*query.parameters(), *key.parameters()], strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("symmetric", "norm", "expected"),
    [(False, False, [8.66026924, 8.30906979, 8.48457341]), (True, True, [10.25232159, 9.57126318, 9.09868877])],
)
def test_golden_losses(symmetric: bool, norm: bool, expected: list[float]) -> None:
    """A refactoring must not move these; a change of the method may, and then says so in the changelog.

    In double precision: within three steps such small networks make 1% of what CPUs round differently.
    """
    ours = method("codo", symmetric=symmetric, norm=norm).double()
    optimizer = torch.optim.SGD(ours.query.parameters(), lr=0.03)
    losses = []
    for step in range(3):
        output = ours(batch("codo", step))
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        ours.on_step_end()
        losses.append(float(output.loss.detach()))
    assert losses == pytest.approx(expected, rel=1e-6)


def test_there_is_no_queue_and_only_the_query_learns() -> None:
    ours = method("codo", symmetric=True)
    assert ours.queue_length is None
    assert not [name for name in ours.state_dict() if name.startswith("queue")]
    ours.on_first_batch(batch("codo", 0))
    output = ours(batch("codo", 0))
    check_only_the_query_learns(ours, output.loss)
    ours.on_step_end()
    assert {"std/P2", "mean_norm/P5", "rank/P3"} <= ours.log_stats().keys()
    assert not [name for name in ours.log_stats() if name.startswith("drift")]
    assert float(output.stats["loss/P2"]) > 0


@pytest.mark.parametrize("name", ["densecl", "infomin", "detco"])
def test_methods_of_several_queries_refuse(name: str) -> None:
    with pytest.raises(InputError, match="needs a queue") as caught:
        method(name)
    assert caught.value.where == "contrast.negatives"


CASES = {"codo": {"symmetric": True}, "moco_v2": {}}


def steps(name: str, rank: int, world: int) -> list[Tensor]:
    """`loss_and_gradient` of every step."""
    ours = method(name, world, norm=True, **CASES[name]).double()
    mine = slice(rank * B // world, (rank + 1) * B // world)
    rows = []
    for step in range(2):
        loss = ours(batch(name, step, 2 if CASES[name] else 3, mine)).loss
        rows.append(loss_and_gradient(ours, loss, world))
        ours.on_step_end()
    return rows


def save_steps(rank: int, folder: Path) -> None:
    """What one rank computes."""
    torch.save({name: steps(name, rank, 2) for name in CASES}, folder / f"{rank}.pt")


def test_two_ranks_compute_what_one_process_does(tmp_path: Path) -> None:
    on_two_ranks(save_steps, tmp_path)
    check_ranks(tmp_path, CASES, steps, tolerance=1e-9)
