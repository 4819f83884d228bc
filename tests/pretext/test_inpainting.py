"""Inpainting with loops: what is hidden, what counts, what the adversary does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from codo.core.errors import InputError
from codo.methods.registry import read_options
from codo.pretext.inpainting import Inpainting
from tests.pretext.pictures import batch, build, dataset, noise

SMALL = {"width": 16, "band": 2}


def test_the_loss_by_hand() -> None:
    method, made = build(Inpainting, **SMALL), dataset(Inpainting, noise(6, 40, 40), **SMALL)
    data = batch(made)
    pixels = method.pixels(data.images)
    visible = pixels.clone()
    visible[:, :, 10:22, 10:22] = 0  # the block is 8 to 24, its band 2
    predicted = method.decoder(method.encoder.backbone(visible)[-1])
    total = hidden = 0.0
    for row in range(8, 24):
        for column in range(8, 24):
            error = float((predicted - pixels).detach()[:, :, row, column].square().mean())
            inside = 10 <= row < 22 and 10 <= column < 22
            total += error * (1 if inside else 10)
            hidden += error * inside
    output = method(data)
    assert output.loss.item() == pytest.approx(total / 256, rel=1e-4)
    assert float(output.stats["error"]) == pytest.approx(hidden / 144, rel=1e-4)


def test_hidden_pixels_are_not_seen() -> None:
    method = build(Inpainting, **SMALL).eval()
    data = batch(dataset(Inpainting, noise(6, 40, 40), **SMALL))
    pixels, hidden = method.pixels(data.images), torch.zeros(6, 1, 32, 32, dtype=torch.bool)
    hidden[:, :, 10:22, 10:22] = True
    other = pixels.clone()
    other[:, :, 10:22, 10:22] += 1
    assert torch.equal(method.complete(pixels, hidden), method.complete(other, hidden))
    other[:, :, 9, 9] += 1
    assert not torch.equal(method.complete(pixels, hidden), method.complete(other, hidden))


def test_filling_in_one_color_is_the_yardstick() -> None:
    flat = [np.full((40, 40, 3), level, np.uint8) for level in range(0, 240, 40)]
    stats = build(Inpainting, **SMALL)(batch(dataset(Inpainting, flat, **SMALL))).stats
    assert float(stats["error_flat"]) == pytest.approx(0, abs=1e-6)
    method, data = build(Inpainting, **SMALL), batch(dataset(Inpainting, noise(6, 40, 40), **SMALL))
    pixels = method.pixels(data.images)
    block = torch.zeros(32, 32, dtype=torch.bool)
    block[8:24, 8:24] = True
    around = pixels[:, :, ~block].mean(dim=2)[..., None, None]
    expected = (around - pixels)[:, :, 10:22, 10:22].square().mean()
    assert float(method(data).stats["error_flat"]) == pytest.approx(float(expected), rel=1e-4)


def test_the_adversary_by_hand_and_whom_its_gradients_reach() -> None:
    given = {**SMALL, "adversarial": 0.25, "discriminator_width": 4}
    method, made = build(Inpainting, **given), dataset(Inpainting, noise(6, 40, 40), **given)
    data = batch(made)
    plain = build(Inpainting, **SMALL)(data)
    output = method(data)
    pixels = method.pixels(data.images)
    hidden = torch.zeros(6, 1, 32, 32, dtype=torch.bool)
    hidden[:, :, 10:22, 10:22] = True
    blocks = torch.cat([pixels, method.complete(pixels, hidden)])[..., 8:24, 8:24]
    real, fake = method.discriminator(blocks).chunk(2)
    judgment = -(torch.sigmoid(real).log().mean() + (1 - torch.sigmoid(fake)).log().mean())
    assert float(output.stats["adversarial"]) == pytest.approx(float(judgment.detach()), rel=1e-4)
    expected = 0.75 * plain.loss.item() + judgment.item()
    assert output.loss.item() == pytest.approx(expected, rel=1e-4)
    # The discriminator descends on its loss; the network, a quarter as fast, climbs it.
    own, network = next(method.discriminator.parameters()), method.decoder.reduce.weight
    down, up = torch.autograd.grad(judgment, [own, network], retain_graph=True)
    found = torch.autograd.grad(output.loss, [own, network])
    assert torch.allclose(found[0], down, rtol=1e-3, atol=1e-6)
    (descent,) = torch.autograd.grad(plain_loss(method, pixels, hidden), [network])
    assert torch.allclose(found[1], 0.75 * descent - 0.25 * up, rtol=1e-3, atol=1e-5)


def plain_loss(method: Inpainting, pixels: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """The reconstruction's loss of the middle block, by a weight for each pixel."""
    weights = F.pad(torch.full((16, 16), 10.0), (8, 8, 8, 8))
    weights[10:22, 10:22] = 1
    error = (method.complete(pixels, hidden) - pixels).square().mean(dim=1)
    return (error * weights).sum(dim=(1, 2)).mean() / 256


def test_what_cannot_work_is_refused() -> None:
    with pytest.raises(InputError, match="a band of 8 pixels leaves nothing hidden of a block of 16"):
        build(Inpainting, width=16, band=8)
    with pytest.raises(InputError, match=r"the adversarial term needs options\.region=middle"):
        read_options("inpainting", {"region": "random", "adversarial": 0.1})


def test_examples_are_input_completion_and_truth() -> None:
    method = build(Inpainting, **SMALL).eval()
    made = dataset(Inpainting, noise(9, 40, 40), **SMALL)
    with torch.no_grad():
        found = method.examples(made)
    assert found.images.shape == (6, 3, 32, 32, 3)
    truth = made.stacked(0, np.array([0, 1, 3, 4, 6, 7]), [0])[0].numpy()
    assert np.array_equal(found.images[:, 2], truth)
    outside = np.ones((32, 32), bool)
    outside[10:22, 10:22] = False
    assert np.array_equal(found.images[:, 1][:, outside], truth[:, outside])
    mean = (255 * np.array([0.485, 0.456, 0.406])).round()
    assert (found.images[:, 0][:, ~outside] == mean).all()
