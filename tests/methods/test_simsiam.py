"""SimSiam against its formula, and what gets no gradient."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from codo.methods.simsiam import SimSiam
from tests.methods.crops import batch, build, projections


def test_simsiam_by_hand_and_the_other_side_gets_no_gradient() -> None:
    method, data = build(SimSiam, hidden=16, bottleneck=4), batch()
    a, b = projections(method, data)
    terms = [F.cosine_similarity(method.predictor(x), y.detach()).mean() for x, y in ((a, b), (b, a))]
    assert method(data).loss.item() == pytest.approx(-(terms[0] + terms[1]).item() / 2, rel=1e-4)
    # With the predictor cut off from the encoder nothing is left that could reach it.
    method.predictor.register_forward_pre_hook(lambda _, inputs: (inputs[0].detach(),))
    loss = method(data).loss
    assert torch.autograd.grad(loss, list(method.encoder.parameters()), allow_unused=True) == (None,) * len(
        list(method.encoder.parameters())
    )
    assert method.constant_lr_modules() == [method.predictor]
    assert build(SimSiam, fixed_predictor_rate=False).constant_lr_modules() == []
