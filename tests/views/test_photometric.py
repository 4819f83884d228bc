"""Held against torchvision's own operations on PIL images."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as PILImage
from torchvision.transforms import functional as reference

from codo.views.photometric import AugmentSettings, Photometric, apply, draw


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """A smooth, colorful picture with a wide range of values."""
    y, x = np.mgrid[0:96, 0:128]
    waves = [127 + 120 * np.sin(x / a + b) * np.cos(y / c) for a, b, c in ((9, 0, 13), (17, 1, 7), (11, 2, 19))]
    return np.stack(waves, axis=2).astype(np.uint8)


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.4])
@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_factors_equal_torchvision(image: np.ndarray, name: str, factor: float) -> None:
    expected = getattr(reference, f"adjust_{name}")(PILImage.fromarray(image), factor)
    got = apply(image, Photometric(((name, factor),)))
    assert np.abs(got.astype(int) - np.asarray(expected).astype(int)).max() <= 1


@pytest.mark.parametrize("turn", [-0.1, -0.03, 0.0, 0.07, 0.1])
def test_hue_equals_torchvision(image: np.ndarray, turn: float) -> None:
    expected = np.asarray(reference.adjust_hue(PILImage.fromarray(image), turn)).astype(int)
    error = np.abs(apply(image, Photometric((("hue", turn),))).astype(int) - expected)
    # Both work in 8-bit HSV but round differently.
    assert error.mean() < 2.0
    assert np.percentile(error, 99) <= 8


def test_gray_equals_torchvision(image: np.ndarray) -> None:
    expected = np.asarray(reference.to_grayscale(PILImage.fromarray(image), 3)).astype(int)
    got = apply(image, Photometric(gray=True)).astype(int)
    assert np.abs(got - expected).max() <= 1
    assert (got[..., 0] == got[..., 2]).all()


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.0])
def test_blur_equals_torchvision(image: np.ndarray, sigma: float) -> None:
    import torch

    size = 2 * int(np.ceil(3 * sigma)) + 1
    tensor = torch.from_numpy(image).permute(2, 0, 1)
    expected = reference.gaussian_blur(tensor, [size, size], [sigma, sigma]).permute(1, 2, 0).numpy().astype(int)
    assert np.abs(apply(image, Photometric(sigma=sigma)).astype(int) - expected).max() <= 2


def test_the_input_is_left_alone(image: np.ndarray) -> None:
    before = image.copy()
    apply(image, Photometric((("hue", 0.1), ("brightness", 1.3)), gray=True, sigma=1.0))
    assert np.array_equal(image, before)


def test_draws_have_the_stated_probabilities() -> None:
    rng = np.random.default_rng(0)
    draws = [draw(AugmentSettings(), rng) for _ in range(4000)]
    assert np.mean([bool(d.steps) for d in draws]) == pytest.approx(0.8, abs=0.02)
    assert np.mean([d.gray for d in draws]) == pytest.approx(0.2, abs=0.02)
    assert np.mean([d.sigma > 0 for d in draws]) == pytest.approx(0.5, abs=0.02)
    factors = {name: [] for name in ("brightness", "contrast", "saturation", "hue")}
    firsts = []
    for d in draws:
        for name, amount in d.steps:
            factors[name].append(amount)
        firsts += [d.steps[0][0]] if d.steps else []
    for name, low, high in (
        ("brightness", 0.6, 1.4),
        ("contrast", 0.6, 1.4),
        ("saturation", 0.6, 1.4),
        ("hue", -0.1, 0.1),
    ):
        values = np.array(factors[name])
        assert low <= values.min() < low + 0.02
        assert high - 0.02 < values.max() <= high
        # The order is random: each operation comes first a quarter of the time.
        assert firsts.count(name) / len(firsts) == pytest.approx(0.25, abs=0.03)


def test_probability_zero_changes_nothing(image: np.ndarray) -> None:
    off = AugmentSettings(color=0, gray=0, blur=0)
    assert np.array_equal(apply(image, draw(off, np.random.default_rng(0))), image)


def test_blur_in_units_of_the_canvas() -> None:
    given = {"blur": 1.0, "blur_sigma": (0.5, 2.0)}
    drawn = {
        unit: draw(AugmentSettings.model_validate({**given, "blur_unit": unit}), np.random.default_rng(0), 56)
        for unit in ("pixels", "canvas")
    }
    assert drawn["canvas"].sigma == pytest.approx(drawn["pixels"].sigma * 56 / 224)
    assert drawn["canvas"].steps == drawn["pixels"].steps


def test_names_and_numbers_are_the_same_change() -> None:
    change = Photometric((("hue", 0.1), ("contrast", 1.5)), gray=True, sigma=0.75)
    assert change.numbers().tolist() == [3, 1, -1, -1, 0.1, 1.5, -1, -1, 1, 0.75]
    assert Photometric.of(change.numbers()) == change
    with pytest.raises(ValueError, match="at most 4"):
        Photometric((("hue", 0.1),) * 5)
