"""Late fusion by hand, normalization of single patches, frozen backbones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from codo.methods.freezing import freeze
from codo.pretext.context import Context
from codo.pretext.jigsaw import Jigsaw
from tests.pretext.pictures import batch, build, dataset, noise

SIZES = {"cell": 20, "patch": 16, "jitter": 2, "hidden": 8, "joined": 12}


@pytest.mark.parametrize(("cls", "count"), [(Context, 2), (Jigsaw, 9)])
def test_the_loss_by_hand(cls: type[Context | Jigsaw], count: int) -> None:
    method, made = build(cls, **SIZES), dataset(cls, noise(6, 60, 60), **SIZES)
    data = batch(made)
    assert data.patches.shape == (6, count, 16, 16, 3)
    patches = data.patches.flatten(0, 1)
    if cls is Jigsaw:
        values = patches.numpy().astype(np.float64)
        values = (values - values.mean(axis=(1, 2), keepdims=True)) / values.std(axis=(1, 2), keepdims=True)
        pixels = torch.from_numpy(values).float().movedim(-1, 1)
    else:
        pixels = method.pixels(patches)
    each = method.encoder.projection["each"](method.encoder.backbone(pixels)[-1].mean(dim=(2, 3)))
    together = torch.stack([torch.cat(list(each[count * i : count * (i + 1)])) for i in range(6)])
    scores = method.encoder.projection["together"](together)
    expected = F.cross_entropy(scores, data.answers).item()
    assert method(data).loss.item() == pytest.approx(expected, rel=1e-4)


def test_normalized_patches_have_no_level_and_no_contrast() -> None:
    method = build(Jigsaw, **SIZES)
    patches = torch.from_numpy(np.stack(noise(3, 16, 16)) // np.array([1, 2, 4], np.uint8) + np.uint8(9))
    found = method.normalized_each(patches)
    assert found.shape == (3, 3, 16, 16)
    assert torch.allclose(found.mean(dim=(2, 3)), torch.zeros(3, 3), atol=1e-5)
    assert torch.allclose(found.std(dim=(2, 3), correction=0), torch.ones(3, 3), atol=1e-5)
    assert method.normalized_each(torch.full((1, 16, 16, 3), 7, dtype=torch.uint8)).abs().max() == 0


def test_a_frozen_backbone_gives_the_same_loss() -> None:
    method, made = build(Context, **SIZES).eval(), dataset(Context, noise(6, 60, 60), **SIZES)
    data = batch(made)
    before = method(data).loss.item()
    freeze(method, ["backbone"])
    assert method.eval()(data).loss.item() == pytest.approx(before, rel=1e-6)


def test_arrangements_are_the_method_s_own() -> None:
    assert Context.arrangements(Context.Options()).shape == (8, 2)
    assert Jigsaw.arrangements(Jigsaw.Options(permutations=12)).shape == (12, 9)
