"""Colorization with loops, its weights in a run's folder, and what its network sees."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from codo.core.errors import InputError
from codo.pretext.color_bins import class_weights
from codo.pretext.colorization import FILE, Colorization
from tests.pretext.pictures import batch, build, dataset, noise
from tests.pretext.test_color_space import plain_lab


def test_the_loss_by_hand() -> None:
    method, made = build(Colorization, width=16), dataset(Colorization, noise(2, 32, 32))
    method.weights.copy_(torch.rand(313, generator=torch.Generator().manual_seed(1)))
    images = batch(made, 2).views[0].numpy()
    lab = np.array([[[plain_lab(*pixel) for pixel in row] for row in image] for image in (images / 255).tolist()])
    gray = torch.from_numpy(lab[..., 0]).float()[:, None] * 2.55
    pixels = (gray.expand(-1, 3, -1, -1) - method.mean) / method.std
    scores = method.decoder(method.encoder.backbone(pixels)).double()  # (2, 313, 8, 8)
    centers = method.centers.tolist()
    total, right = 0.0, 0
    for image in range(2):
        for row in range(8):
            for column in range(8):
                a, b = lab[image, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4, 1:].mean(axis=(0, 1))
                near = sorted(range(313), key=lambda i: math.dist((a, b), centers[i]))[:5]
                gauss = [math.exp(-(math.dist((a, b), centers[i]) ** 2) / 50) for i in near]
                logs = torch.log_softmax(scores[image, :, row, column], dim=0)
                entropy = -sum(g / sum(gauss) * float(logs[i]) for g, i in zip(gauss, near, strict=True))
                total += float(method.weights[near[0]]) * entropy
                right += int(logs.argmax()) == near[0]
    output = method(batch(made, 2))
    assert output.loss.item() == pytest.approx(total / 128, rel=1e-4)
    assert float(output.stats["top1"]) == pytest.approx(right / 128)


def test_the_network_sees_lightness_alone() -> None:
    method = build(Colorization, width=16).eval()
    color = torch.tensor([[[[200, 40, 40]]]], dtype=torch.uint8).expand(1, 32, 32, 3)
    lightness, ab = method.lightness_and_colors(color)
    assert ab.shape == (1, 2, 8, 8)
    assert float(ab[0, 0, 0, 0]) > 50
    level = torch.full((1, 32, 32, 3), float(lightness[0, 0, 0]) * 2.55)
    seen: list[torch.Tensor] = []
    method.encoder.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    method.scores(lightness)
    assert torch.allclose(seen[0], method.pixels(level), atol=1e-4)  # as a gray image of that level


def test_weights_are_counted_once_and_kept(tmp_path: Path) -> None:
    reds = [np.full((40, 40, 3), (200, 30, 30), np.uint8)] * 3 + [np.full((40, 40, 3), 90, np.uint8)] * 9
    made = dataset(Colorization, reds)
    first, second, resumed = (build(Colorization, width=16) for _ in range(3))
    assert first.prepare_data(made, tmp_path, 0) == f"counted the colors of 12 images: {tmp_path / FILE}"
    assert second.prepare_data(made, tmp_path, 0) == ""  # another rank, or the run started again
    assert torch.equal(first.weights, second.weights)
    with np.load(tmp_path / FILE) as found:
        counts = torch.from_numpy(found["counts"])
    assert sorted(counts[counts > 0].tolist()) == [3 * 64, 9 * 64]
    assert torch.equal(first.weights, class_weights(counts, first.centers, 0.5))
    (tmp_path / FILE).unlink()
    resumed.load_state_dict(first.state_dict())
    assert resumed.prepare_data(made, tmp_path, 5) == ""
    assert torch.equal(resumed.weights, first.weights)


def test_uniform_colors_need_no_weights(tmp_path: Path) -> None:
    method = build(Colorization, width=16, prior="uniform")
    assert method.prepare_data(dataset(Colorization, noise(2, 40, 40)), tmp_path, 0) == ""
    assert torch.equal(method.weights, torch.ones(313))
    assert list(tmp_path.iterdir()) == []


def test_examples_keep_the_lightness() -> None:
    method, made = build(Colorization, width=16).eval(), dataset(Colorization, noise(3, 32, 32))
    with torch.no_grad():
        found = method.examples(made)
    assert found.images.shape == (3, 3, 32, 32, 3)
    assert found.columns[0] == "lightness"
    assert np.array_equal(found.images[0, 2], made.images.images[0])
    assert (found.images[:, 0, ..., 0] == found.images[:, 0, ..., 1]).all()
    assert "T = 0.38" in found.caption


def test_runs_with_other_bins_are_refused() -> None:
    method = build(Colorization, width=16)
    state = method.state_dict()
    method.load_state_dict(state)
    state["weights"] = torch.ones(261)
    with pytest.raises(InputError, match="begun with 261 bins of colors; now they are 313"):
        method.load_state_dict(state)
