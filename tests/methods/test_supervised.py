"""Supervised pretraining: the loss, and the classes of folders."""

from __future__ import annotations

import pytest
from torch.nn import functional as F

from codo.methods.supervised import Supervised
from tests.methods.crops import batch, build


def test_supervised_is_cross_entropy() -> None:
    method, data = build(Supervised, classes=3), batch(1)
    scores = method.encoder.projection(method.encoder.backbone(method.pixels(data.views[0]))[-1].mean(dim=(2, 3)))
    assert method(data).loss.item() == pytest.approx(F.cross_entropy(scores, data.labels).item(), rel=1e-5)
