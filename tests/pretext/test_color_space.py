"""CIE Lab against values computed elsewhere, and against a plain scalar computation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from codo.pretext.color_space import to_lab, to_rgb

# Widely published values for D65 and the 2 degree observer.
KNOWN = {
    (1.0, 1.0, 1.0): (100.0, 0.0, 0.0),
    (0.0, 0.0, 0.0): (0.0, 0.0, 0.0),
    (1.0, 0.0, 0.0): (53.2408, 80.0925, 67.2032),
    (0.0, 1.0, 0.0): (87.7347, -86.1827, 83.1793),
    (0.0, 0.0, 1.0): (32.2970, 79.1875, -107.8602),
    (0.5, 0.5, 0.5): (53.3890, 0.0, 0.0),
}


@pytest.mark.parametrize("color", KNOWN)
def test_known_colors(color: tuple[float, float, float]) -> None:
    assert to_lab(torch.tensor(color)).tolist() == pytest.approx(KNOWN[color], abs=1e-3)


def plain_lab(red: float, green: float, blue: float) -> list[float]:
    """One color, in Python's floats, with the white point written out."""

    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)

    def root(value: float) -> float:
        return float(value ** (1 / 3)) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116

    r, g, b = linear(red), linear(green), linear(blue)
    x = root((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047)
    y = root(0.2126729 * r + 0.7151522 * g + 0.0721750 * b)
    z = root((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883)
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)]


def test_random_colors_against_a_plain_computation() -> None:
    colors = np.random.default_rng(0).random((500, 3))
    colors[:100] *= 0.05  # the linear parts of both curves
    expected = np.array([plain_lab(*color) for color in colors.tolist()])
    assert np.abs(to_lab(torch.from_numpy(colors).float()).numpy() - expected).max() < 1e-3


def test_there_and_back() -> None:
    colors = torch.rand(5, 7, 3, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(to_rgb(to_lab(colors)), colors, atol=1e-4)


def test_impossible_colors_are_cut_off() -> None:
    made = to_rgb(torch.tensor([[50.0, 120.0, 120.0], [100.0, 50.0, 0.0]]))
    assert made.min() == 0
    assert made.max() == pytest.approx(1)
    assert bool(made.isfinite().all())


def test_autocast_changes_nothing() -> None:
    colors = torch.rand(64, 3, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        mixed = to_lab(colors)
    assert torch.equal(mixed, to_lab(colors))
