"""DenseCL against a computation with loops: whom a cell is matched with, the two losses, what is queued."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from codo.contrast.bn_groups import permutation
from codo.contrast.infonce import ContrastSettings
from codo.loading.step_dataset import ViewBatch
from codo.methods.base import Setup
from codo.methods.densecl import DenseCL, DenseCLOptions, DenseEncoder
from codo.models.encoder import ModelSettings
from tests.methods.learning import check_only_the_query_learns

MODEL = ModelSettings(backbone="resnet18", width=0.125, embedding_dim=8)
B, S, K, T = 4, 96, 10, 0.2  # a map of 3 x 3 cells


def method(**options: float) -> DenseCL:
    torch.manual_seed(0)
    contrast = ContrastSettings(queue=K, temperature=T, momentum=0.9, bn_groups=2)
    return DenseCL(Setup(MODEL, contrast, DenseCLOptions.model_validate(options), batch_size=B)).double().train()


def batch(step: int = 0, views: int = 3) -> ViewBatch:
    images = np.random.default_rng(step).integers(0, 256, (views, B, S, S, 3), dtype=np.uint8)
    order = permutation(0, step, B)
    box = torch.tensor([[0.0, 0, S, S]]).expand(B, 4)
    keys = torch.from_numpy(images[1:, order])
    return ViewBatch(torch.from_numpy(images[0]), box, keys, box.expand(views - 1, B, 4), torch.from_numpy(order), step)


def embed(ours: DenseCL, encoder: DenseEncoder, images: Tensor, side: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Of every image: its embedding, its cells' (N, D), and the features of its cells (N, C), not normalized."""
    found = []
    for half in ours.pixels(images).chunk(2):  # two BatchNorm groups
        for last in encoder.backbone(half)[-1]:  # (C, 3, 3)
            cells = F.adaptive_avg_pool2d(last, side).flatten(1).T
            dense = torch.stack([encoder.projection["cells"](cell) for cell in cells])
            found.append((encoder.projection["image"](last.mean(dim=(1, 2))), dense, cells))
    return found


def cross_entropy(query: Tensor, key: Tensor, queue: Tensor) -> Tensor:
    query, key = query / query.norm(), key / key.norm()
    logits = torch.cat([(query @ key)[None], queue @ query]) / T
    return -F.log_softmax(logits, dim=0)[0]


@pytest.mark.parametrize(("grid", "side"), [(7, 3), (2, 2)])
def test_loss_and_queue_by_hand(grid: int, side: int) -> None:
    ours, data = method(grid=grid, dense_weight=0.3), batch()
    before = ours.queue.keys.clone()
    queries = embed(ours, ours.query, data.query_images, side)
    images, cells, pooled = [], [], []
    for view in data.key_images:
        keys = dict(zip(data.shuffle.tolist(), embed(ours, ours.key, view, side), strict=True))
        for i in range(B):
            (image, dense, features), (key_image, key_dense, key_features) = queries[i], keys[i]
            images.append(cross_entropy(image, key_image, before[0]))
            for n in range(side * side):
                similarity = [F.cosine_similarity(features[n], other, dim=0) for other in key_features]
                best = int(torch.stack(similarity).argmax())
                cells.append(cross_entropy(dense[n], key_dense[best], before[1]))
            pooled.append(key_dense.mean(dim=0))
    # Summed over the two key views, averaged over images and cells.
    expected = 0.7 * 2 * torch.stack(images).mean() + 0.3 * 2 * torch.stack(cells).mean()
    output = ours(data)
    assert output.loss.item() == pytest.approx(expected.item(), rel=1e-9)

    check_only_the_query_learns(ours, output.loss)
    ours.on_step_end()
    first = torch.stack(pooled[:B])  # of the first key view, in the order of the samples
    assert torch.allclose(ours.queue.keys[1, :B], F.normalize(first, dim=1), atol=1e-9)
    assert torch.equal(ours.queue.keys[:, B:], before[:, B:])


def test_cells_are_matched_by_the_backbone_s_features() -> None:
    ours, data = method(), batch()
    views = ours.query.unpack(ours.query(ours.pixels(data.query_images))[0])
    assert views.features.shape == (B, 9, ours.query.backbone.channels[-1])
    with torch.no_grad():
        for parameter in ours.query.projection.parameters():
            parameter.neg_()
    other = ours.query.unpack(ours.query(ours.pixels(data.query_images))[0])
    assert torch.equal(views.features, other.features)  # embeddings have no say
    assert not torch.allclose(views.cells, other.cells)


def test_without_weight_for_cells_it_is_moco_v2() -> None:
    ours, data = method(dense_weight=0.0), batch()
    assert ours(data).loss.item() == pytest.approx(2 * float(ours(data).stats["loss/image"]))
    ours.on_first_batch(data)
    assert torch.allclose(ours.queue.keys.norm(dim=-1), torch.ones(2, K, dtype=torch.float64))


def test_how_far_cells_tell_their_place_only_is_logged() -> None:
    ours, data = method(), batch()
    ours(data)
    assert 0 < float(ours.log_stats()["place/dense"]) < 1
