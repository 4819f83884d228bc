"""Which cells of two maps are positives, and what their places explain of them."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from codo.contrast.cells import most_similar, place_share


def test_every_cell_finds_itself_where_it_went() -> None:
    features = F.normalize(torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(0)), dim=-1)
    orders = torch.stack([torch.tensor([3, 0, 5, 1, 4, 2]), torch.arange(6)])
    keys = torch.stack([one[order] for one, order in zip(features, orders, strict=True)])[None]
    assert torch.equal(most_similar(features, keys)[0], orders.argsort(dim=1))


def test_cells_that_tell_their_place_only_are_noticed() -> None:
    generator = torch.Generator().manual_seed(0)
    places, images = torch.randn(1, 9, 5, generator=generator), torch.randn(64, 1, 5, generator=generator)
    assert place_share(places.expand(64, 9, 5)).item() == pytest.approx(1, abs=1e-5)
    assert place_share(images.expand(64, 9, 5)).item() == pytest.approx(0, abs=1e-5)
    assert place_share(places + images).item() == pytest.approx(0.5, abs=0.2)
    assert place_share(torch.randn(64, 9, 5, generator=generator)).item() < 3 / 64
