"""One call from decoded pixels to the canvas gives what its steps give one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from codo.views.kernels.render import render
from codo.views.photometric import Photometric, apply

UNCHANGED = Photometric()
NOISE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)


def rendered(change: Photometric, *, flip: bool = False, side: int = 30) -> np.ndarray:
    canvas = np.zeros((side, side, 3), np.uint8)
    render(NOISE, (5, 3, 45, 38), flip, change.numbers(), canvas, (0, 0, side, side))
    return canvas


def test_rendering_fills_its_part_of_the_canvas_only() -> None:
    image = np.full((20, 30, 3), 200, np.uint8)
    canvas = np.zeros((64, 64, 3), np.uint8)
    change = Photometric((("brightness", 0.5),), sigma=1.5)
    render(image, (0, 0, 30, 20), True, change.numbers(), canvas, (5, 9, 25, 40))
    assert (canvas[9:40, 5:25] == 100).all()
    canvas[9:40, 5:25] = 0
    assert not canvas.any()


@pytest.mark.parametrize("sigma", [0.0, 1.2])
@pytest.mark.parametrize(
    "steps",
    [
        (("contrast", 1.3),),
        (("brightness", 0.8), ("hue", 0.1), ("saturation", 1.2)),
        (("hue", 0.1), ("brightness", 0.7), ("contrast", 0.6), ("saturation", 1.3)),
    ],
)
def test_colors_and_blur_are_those_of_the_resampled_picture(steps: tuple[tuple[str, float], ...], sigma: float) -> None:
    """`apply` starts from rounded pixels, `render` rounds once at the end: about a level apart, hue a little more."""
    change = Photometric(steps, sigma=sigma)
    apart = np.abs(rendered(change).astype(int) - apply(rendered(UNCHANGED), change))
    assert apart.max() <= 3
    assert apart.mean() < 0.6


def test_contrast_blends_with_the_mean_of_what_stands_before_it() -> None:
    """At factor 0 only the mean gray is left, of the darkened part and not of the picture as it came."""
    dark = rendered(Photometric((("brightness", 0.5), ("contrast", 0.0))))
    gray = rendered(Photometric((("brightness", 0.5),), gray=True))[..., 0].mean()
    assert len(np.unique(dark)) == 1
    assert abs(float(dark[0, 0, 0]) - gray) <= 1


def test_a_flip_mirrors_the_result() -> None:
    change = Photometric((("contrast", 1.3), ("hue", 0.05)), sigma=1.0)
    flipped, plain = rendered(change, flip=True), rendered(change)
    assert np.abs(flipped[:, ::-1].astype(int) - plain).max() <= 1  # sums in another order
