"""The search for objects that look alike, against one proposal at a time and against features made by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from codo.loading.correspondence import features, find_pairs, most_alike, nearest_images
from codo.loading.object_pairs import ObjectPairs


def embed(images: Tensor) -> Tensor:
    """Pixels, coarsely pooled and centered."""
    return F.adaptive_avg_pool2d(images.permute(0, 3, 1, 2).double(), 4).flatten(1) - 127


def test_pairs_are_the_most_alike_of_the_nearest_images(object_pairs: ObjectPairs) -> None:
    """One image, one neighbor, one proposal at a time."""
    found = find_pairs(embed, object_pairs, neighbors=2, top=0.7)  # 0.7 of 3 proposals: 2 pairs
    assert found.images.shape == (24, 2)
    assert found.own.shape == found.other.shape == (24, 2, 2, 4)
    features = [F.normalize(embed(torch.from_numpy(object_pairs.look(i))), dim=1).numpy() for i in range(24)]
    for i in range(24):
        alike = {j: features[i][0] @ features[j][0] for j in range(24) if j != i}
        nearest = sorted(alike, key=lambda j: -alike[j])[:2]
        assert found.images[i].tolist() == nearest
        for k, j in enumerate(nearest):
            scores = {
                (tuple(p), tuple(q)): features[i][1 + m] @ features[j][1 + n]
                for m, p in enumerate(object_pairs.proposals(i).tolist())
                for n, q in enumerate(object_pairs.proposals(j).tolist())
            }
            best = sorted(scores.values(), reverse=True)
            both = zip(found.own[i, k].tolist(), found.other[i, k].tolist(), strict=True)
            taken = [scores[tuple(p), tuple(q)] for p, q in both]  # each is a proposal of the two images
            expected = best[:2] if len(best) > 1 else best * 2
            assert taken == pytest.approx(expected, abs=2e-3)  # features are kept in half precision


def test_few_images_have_few_neighbors(object_pairs: ObjectPairs) -> None:
    alone = find_pairs(embed, object_pairs, neighbors=99, top=0.1)
    assert alone.images.shape == (24, 23)
    assert alone.own.shape == (24, 23, 1, 4)  # one pair at least


def test_features_are_unit_vectors_and_zero_where_there_is_no_proposal(object_pairs: ObjectPairs) -> None:
    whole, objects, counts = features(embed, object_pairs)
    assert torch.allclose(whole.norm(dim=1), torch.ones(24))
    assert objects.dtype == torch.float16
    assert counts.tolist() == [len(object_pairs.proposals(i)) for i in range(24)]
    for one, count in zip(objects.float(), counts.tolist(), strict=True):
        assert torch.allclose(one[:count].norm(dim=1), torch.ones(count), atol=2e-3)
        assert not one[count:].any()


def test_an_image_is_not_its_own_neighbor() -> None:
    """Points on a circle: the neighbors are the next ones to both sides. More than one chunk of 256."""
    angle = torch.arange(300, dtype=torch.float64) * 2 * torch.pi / 300
    found = nearest_images(torch.stack([angle.cos(), angle.sin()], dim=1), 2)
    for i, row in enumerate(found.tolist()):
        assert set(row) == {(i - 1) % 300, (i + 1) % 300}


def test_the_most_alike_proposals_by_hand() -> None:
    """Two images of three and of one proposal; where there are fewer pairs than asked for, the best counts again."""
    east, north, west = torch.tensor([[1.0, 0], [0, 1], [-1, 0]])
    objects = torch.stack([torch.stack([west, north, east]), torch.stack([east, 0 * east, 0 * east])])
    counts, nearest = torch.tensor([3, 1]), torch.tensor([[1], [0]])
    own, other = most_alike(objects, counts, torch.tensor([0, 1]), nearest, pairs=2)
    assert own.tolist() == [[[2, 1]], [[0, 0]]]  # east is most like east, then north
    assert other.tolist() == [[[0, 0]], [[2, 1]]]
    own, other = most_alike(objects, counts, torch.tensor([0]), nearest[:1], pairs=5)
    assert own.tolist() == [[[2, 1, 0, 2, 2]]]
    assert other.tolist() == [[[0, 0, 0, 0, 0]]]
