"""Self-EMD against plain computations, and what it promises."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from codo.contrast.infonce import ContrastSettings
from codo.core.errors import InputError
from codo.loading.crop_dataset import CropBatch
from codo.methods.base import Setup
from codo.methods.self_emd import SelfEMD, SelfEMDOptions
from codo.models.encoder import ModelSettings

MODEL = ModelSettings(backbone="resnet18", width=0.125, embedding_dim=12)
B, S = 4, 64  # maps of 2 x 2


def build(batch_size: int = B, **options: Any) -> Any:
    torch.manual_seed(0)
    contrast = ContrastSettings(momentum=0.9, momentum_end=1.0)
    own = SelfEMDOptions(hidden=16, **options)
    return SelfEMD(Setup(MODEL, contrast, own, batch_size=batch_size, steps=100)).train()


def batch(side: int = S) -> CropBatch:
    generator = torch.Generator().manual_seed(0)
    views = [torch.randint(0, 256, (B, side, side, 3), dtype=torch.uint8, generator=generator) for _ in range(2)]
    return CropBatch(tuple(views), torch.full((B,), -1), 0)


def plain_distance(p: Tensor, t: Tensor, epsilon: float, iterations: int, uniform: bool) -> float:
    """One pair of maps (D, h, w) in float64: Sinkhorn's own form, scaling the rows and columns of exp(-C / epsilon)."""
    x, y = (F.normalize(one.double().flatten(1).T, dim=1) for one in (p, t))
    cost = torch.stack([torch.stack([1 - u @ v for v in y]) for u in x])
    a, b = ((u @ v.mean(0)).clamp(min=0) + 1e-3 for u, v in ((x, y), (y, x)))
    a, b = (torch.ones_like(w) if uniform else w for w in (a, b))
    a, b = a / a.sum(), b / b.sum()
    kernel = (-cost / epsilon).exp()
    scale = torch.ones_like(b)
    for _ in range(iterations):
        rows = a / (kernel @ scale)
        scale = b / (kernel.T @ rows)
    return float((rows[:, None] * kernel * scale * cost).sum())


@pytest.mark.parametrize("kind", ["common", "uniform"])
def test_the_loss_by_hand(kind: str) -> None:
    method, data = build(weights=kind), batch()
    first, second = method.views(data)
    expected = 0.0
    with torch.no_grad():
        for online, other in ((first, second), (second, first)):
            predicted, target = method.predictor(method.encoder.project(online)), method.target.project(other)
            assert predicted.shape == target.shape == (B, 12, 2, 2)
            pairs = zip(predicted, target, strict=True)
            expected += sum(2 * plain_distance(p, t, 0.05, 20, kind == "uniform") for p, t in pairs) / B
    assert method(data).loss.item() == pytest.approx(expected, rel=1e-4)


def test_cells_that_changed_places_are_found_again() -> None:
    """The exact distance, by trying all permutations, up to the smoothness."""
    method = build(weights="uniform", epsilon=0.01, iterations=500)
    maps = torch.randn(3, 12, 2, 2, generator=torch.Generator().manual_seed(1))
    moved = maps.flatten(2)[:, :, [2, 0, 3, 1]].view_as(maps)
    same, changed = method.distance(maps, maps), method.distance(maps, moved)
    assert torch.allclose(same, changed, atol=1e-4)
    assert same.max() < 0.01  # nothing has to move
    other = torch.randn(3, 12, 2, 2, generator=torch.Generator().manual_seed(2))
    cells, others = (F.normalize(one.flatten(2), dim=1) for one in (maps, other))
    for i, found in enumerate(method.distance(maps, other)):
        cost = 1 - cells[i].T @ others[i]
        best = min(sum(cost[k, p[k]].item() for k in range(4)) / 4 for p in permutations(range(4)))
        assert best - 1e-5 <= found.item() <= best + 0.01 * 2.8
        assert found > same[i]


def test_a_map_of_one_cell_gives_byol_s_loss() -> None:
    method = build()
    p, t = (torch.randn(B, 12, 1, 1, generator=torch.Generator().manual_seed(i)) for i in (1, 2))
    expected = (2 - 2 * F.cosine_similarity(p.flatten(1), t.flatten(1))).mean().item()
    assert method.regression_loss(p, t).item() == pytest.approx(expected, rel=1e-5)
    assert torch.isfinite(method(batch(32)).loss)  # canvases of 32 pixels have such maps


def test_the_plan_takes_no_gradient_nor_does_the_target() -> None:
    method, data = build(), batch()
    method(data).loss.backward()
    assert all(p.grad is None and not p.requires_grad for p in method.target.parameters())
    assert all(p.grad is not None for p in method.encoder.parameters())
    # With respect to the cost the gradient is the plan itself: at the optimum its own change does not count.
    maps, other = torch.randn(2, 1, 3, 1, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    exact = build(weights="uniform", epsilon=0.5, iterations=200)
    maps.requires_grad_(True)
    (taken,) = torch.autograd.grad(exact.distance(maps, other).sum(), maps)

    def smoothed(one: Tensor) -> Tensor:
        x, y = (F.normalize(m.flatten(2)[0].T, dim=1) for m in (one, other))
        cost, f, g = 1 - x @ y.T, torch.zeros(3).double(), torch.zeros(3).double()
        for _ in range(200):
            f = -0.5 * (-cost / 0.5 + g / 0.5).logsumexp(1) - 0.5 * torch.tensor(3.0).log()
            g = -0.5 * (-cost / 0.5 + f[:, None] / 0.5).logsumexp(0) - 0.5 * torch.tensor(3.0).log()
        return (f.sum() + g.sum()) / 3  # the dual: what the smoothed transport costs, entropy included

    (through,) = torch.autograd.grad(smoothed(maps), maps)
    assert torch.allclose(taken, through, atol=1e-6)


def test_cells_count_by_what_they_share_with_the_other_map() -> None:
    method = build()
    here = F.normalize(torch.tensor([[[1.0, 0.0], [-1.0, 0.0]]]), dim=2)
    there = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    weights = method.weigh(here, there)[0]
    assert weights.tolist() == pytest.approx([0.501 / 0.502, 0.001 / 0.502])
    assert method.weigh(here, -there * 0)[0].tolist() == [0.5, 0.5]  # nothing in common: all the same


def test_one_sample_is_refused() -> None:
    with pytest.raises(InputError, match="two samples on each process"):
        build(batch_size=1)


def three_views(small: int = 32) -> CropBatch:
    generator = torch.Generator().manual_seed(0)
    sides = (S, S, small, small)
    views = [torch.randint(0, 256, (B, side, side, 3), dtype=torch.uint8, generator=generator) for side in sides]
    return CropBatch(tuple(views), torch.full((B,), -1), 0)


def test_small_views_predict_both_large_ones_and_vectors_are_byols() -> None:
    method, data = build(small_views=2, small_weight=0.5, vector_weight=3.0), three_views()
    views = method.views(data)
    with torch.no_grad():
        targets = [method.target.branches(view) for view in views[:2]]
        online = [method.encoder.branches(view) for view in views]
        maps = [
            sum(2 * method.distance(method.predictor(cells), target[0]).mean() for target in towards)
            for (cells, _), towards in zip(online, (targets[1:], targets[:1], targets, targets), strict=True)
        ]
        assert online[2][0].shape == (B, 12, 1, 1)  # one cell, four in the other map
        vectors = [
            2 - 2 * F.cosine_similarity(method.vector_predictor(online[i][1]), targets[1 - i][1]).mean() for i in (0, 1)
        ]
    output = method(data)
    assert output.stats["term/maps"].item() == pytest.approx(float(maps[0] + maps[1]), rel=1e-4)
    assert output.stats["term/small"].item() == pytest.approx(float(maps[2] + maps[3]) / 2, rel=1e-4)
    assert output.stats["term/vector"].item() == pytest.approx(float(sum(vectors)), rel=1e-4)
    expected = float(maps[0] + maps[1] + 0.5 * (maps[2] + maps[3]) / 2 + 3.0 * sum(vectors))
    assert output.loss.item() == pytest.approx(expected, rel=1e-4)
    output.loss.backward()
    assert all(p.grad is not None for p in (*method.encoder.parameters(), *method.vector_predictor.parameters()))


def test_without_them_names_and_numbers_are_as_before() -> None:
    method = build()
    assert not any("vector" in name for name in method.state_dict())
    assert method(batch()).stats.keys() == {"loss"}
