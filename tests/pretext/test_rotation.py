"""Turns of images, and the loss by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from codo.pretext.rotation import Rotation, turned
from tests.pretext.pictures import batch, build, dataset, noise


def test_turns_go_counterclockwise() -> None:
    images = torch.from_numpy(np.stack(noise(2, 8, 8)))
    for turn, part in enumerate(turned(images).chunk(4)):
        for image, found in zip(images, part, strict=True):
            assert np.array_equal(found.numpy(), np.rot90(image.numpy(), turn))


def test_the_loss_by_hand() -> None:
    method, made = build(Rotation), dataset(Rotation, noise(6, 40, 40))
    data = batch(made)
    pictures = [(np.rot90(image, turn).copy(), turn) for turn in range(4) for image in data.views[0].numpy()]
    pixels = method.pixels(torch.from_numpy(np.stack([picture for picture, _ in pictures])))
    scores = method.encoder.projection(method.encoder.backbone(pixels)[-1].mean(dim=(2, 3)))
    answers = torch.tensor([turn for _, turn in pictures])
    output = method(data)
    assert output.loss.item() == pytest.approx(F.cross_entropy(scores, answers).item(), rel=1e-5)
    assert float(output.stats["top1"]) == pytest.approx(float((scores.argmax(1) == answers).float().mean()))
    assert method.log_stats() == {}
