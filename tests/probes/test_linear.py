from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from codo.probes.linear import fit, linear_predict


def blobs(count: int, classes: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % classes
    centers = 4 * torch.eye(classes, 6)
    return centers[labels] + torch.randn(count, 6, generator=generator), labels


def test_is_the_logistic_regression_of_others() -> None:
    x, labels = blobs(90)
    x = x.double()
    weight, bias = fit(x, labels, 3)
    theirs = LogisticRegression(C=1.0, tol=1e-8, max_iter=2000).fit(x.numpy(), labels.numpy())
    assert np.allclose(weight.numpy(), theirs.coef_, atol=1e-3)
    assert np.allclose((bias - bias.mean()).numpy(), theirs.intercept_ - theirs.intercept_.mean(), atol=1e-3)


def test_separable_is_learned_and_shuffled_is_not() -> None:
    x, labels = blobs(120)
    queries, truth = blobs(300, seed=1)
    assert (linear_predict(x, labels, queries, 3) == truth).double().mean() > 0.95
    shuffled = labels[torch.randperm(120, generator=torch.Generator().manual_seed(0))]
    assert (linear_predict(x, shuffled, queries, 3) == truth).double().mean() == pytest.approx(1 / 3, abs=0.2)


def test_scale_offset_and_dead_features_do_not_matter() -> None:
    x, labels = blobs(60)
    queries, _ = blobs(50, seed=1)
    expected = linear_predict(x, labels, queries, 3)
    scale, dead = torch.tensor([1e-3, 1.0, 10, 5, 2, 1e3]), torch.full((60, 2), 7.0)
    changed = torch.cat([x * scale + 100, dead], dim=1)
    asked = torch.cat([queries * scale + 100, torch.randn(50, 2)], dim=1)
    assert torch.equal(linear_predict(changed, labels, asked, 3), expected)


def test_rounding_is_no_feature() -> None:
    """Of a collapsed network all that differs is the last bit; even if that bit gave the class away."""
    _, labels = blobs(90)
    features = torch.full((90, 4), 3.0).nextafter(torch.tensor(4.0)).where(labels[:, None] == 1, torch.tensor(3.0))
    assert features.unique().numel() == 2
    assert linear_predict(features, labels, features, 3).unique().numel() == 1
