"""SimCLR against NT-Xent written out."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from codo.methods.simclr import SimCLR
from tests.contrast.test_debiased import written_out
from tests.methods.crops import B, batch, build, projections


def test_simclr_is_nt_xent_and_symmetric() -> None:
    method, data = build(SimCLR), batch()
    a, b = (F.normalize(z, dim=1) for z in projections(method, data))
    both = torch.cat([a, b])
    similarity = both @ both.T / 0.1
    similarity.fill_diagonal_(-torch.inf)
    partner = torch.arange(2 * B).roll(B)
    expected = F.cross_entropy(similarity, partner)
    assert method(data).loss.item() == pytest.approx(expected.item(), rel=1e-5)
    swapped = data._replace(views=data.views[::-1])
    assert method(swapped).loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_debiased() -> None:
    method, data = build(SimCLR, contrast={"debiased": 0.1}), batch()
    both = torch.cat([F.normalize(z, dim=1) for z in projections(method, data)])
    partner, others = torch.arange(2 * B).roll(B), ~torch.eye(2 * B, dtype=torch.bool)
    others[torch.arange(2 * B), partner] = False
    similarity = both @ both.T
    positives, negatives = similarity[torch.arange(2 * B), partner], similarity[others].view(2 * B, -1)
    expected = written_out(positives[None], negatives, 0.1, 0.1).mean()
    assert method(data).loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert method(data).loss.item() != pytest.approx(build(SimCLR)(data).loss.item(), rel=1e-5)
