"""The retrieval score on embeddings whose answer is known."""

from __future__ import annotations

import pytest
import torch

from codo.probes.invariance import retrieval

GROUPS, G = 50, 8


def test_an_embedding_of_the_object_scores_one() -> None:
    objects = torch.randn(GROUPS, G, 1, 32, generator=torch.Generator().manual_seed(0)).expand(-1, -1, 2, -1)
    noise = 0.1 * torch.randn(GROUPS, G, 2, 32, generator=torch.Generator().manual_seed(1))
    assert retrieval(objects + noise) == 1.0


def test_an_embedding_of_the_background_scores_zero() -> None:
    backgrounds = torch.randn(GROUPS, 1, 2, 32, generator=torch.Generator().manual_seed(0)).expand(-1, G, -1, -1)
    noise = 0.1 * torch.randn(GROUPS, G, 2, 32, generator=torch.Generator().manual_seed(1))
    assert retrieval(backgrounds + noise) == 0.0


def test_noise_scores_chance() -> None:
    noise = torch.randn(1000, G, 2, 32, generator=torch.Generator().manual_seed(0))
    assert retrieval(noise) == pytest.approx(1 / (2 * G - 1), abs=0.01)


def test_one_point_for_all_scores_zero() -> None:
    assert retrieval(torch.ones(GROUPS, G, 2, 32)) == 0.0
