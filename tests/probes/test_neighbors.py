from __future__ import annotations

import math

import torch

from codo.probes.neighbors import knn_predict


def test_votes_by_hand() -> None:
    # Cosines to the query (1, 0): class 0 has 1.0; class 1 has 0.8 twice.
    bank = torch.tensor([[2.0, 0.0], [0.8, 0.6], [0.8, -0.6], [-1.0, 0.0]])
    labels = torch.tensor([0, 1, 1, 0])
    query = torch.tensor([[1.0, 0.0]])
    assert knn_predict(bank, labels, query, 2, k=1, t=1.0).tolist() == [0]
    # exp(1) = 2.72 against 2 exp(0.8) = 4.45
    assert knn_predict(bank, labels, query, 2, k=3, t=1.0).tolist() == [1]
    # exp(1 / 0.1) = 22026 against 2 exp(8) = 5962: a low temperature trusts the nearest
    assert math.exp(10) > 2 * math.exp(8)
    assert knn_predict(bank, labels, query, 2, k=3, t=0.1).tolist() == [0]


def test_fewer_samples_than_neighbors_and_length_do_not_matter() -> None:
    generator = torch.Generator().manual_seed(0)
    bank, queries = torch.randn(12, 5, generator=generator), torch.randn(2000, 5, generator=generator)
    labels = torch.arange(12) % 3
    expected = knn_predict(bank, labels, queries, 3)
    assert torch.equal(knn_predict(bank * torch.rand(12, 1).add(0.1), labels, 7 * queries, 3), expected)
    assert expected.unique().tolist() == [0, 1, 2]
