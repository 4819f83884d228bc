"""Figures become sprites of the asked size, with holes, lit from the lamp's side."""

from __future__ import annotations

import numpy as np
import pytest

from codo.demo.synthetic.classes import CLASSES
from codo.demo.synthetic.outlines import box, ellipse
from codo.demo.synthetic.painting import Light, Pose, camera, paint, random_palette, random_pose
from codo.demo.synthetic.primitives import BODY, HOLE, SLOTS, Part, clutter

STRAIGHT = np.eye(2)
LAMP = Light((0.0, 0.0, 1.0), ambient=0.4, shadow=0.0)
GRAY = np.full((SLOTS, 3), 0.5, np.float32)


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


@pytest.mark.parametrize("length", [12.0, 40.0, 100.0])
def test_mask_area_is_that_of_the_figure(length: float) -> None:
    sprite = paint(_rng(), [Part(box(-1, -0.5, 1, 0.5), BODY)], Pose(length, 0.0, STRAIGHT), GRAY, LAMP)
    assert sprite.alpha.sum() == pytest.approx(length * length / 2, rel=0.03)
    rows, columns = np.nonzero(sprite.mask)
    assert np.ptp(columns) + 1 == pytest.approx(length, abs=1)
    assert np.ptp(rows) + 1 == pytest.approx(length / 2, abs=1)


def test_a_hole_is_transparent() -> None:
    ring = [Part(ellipse(0, 0, 1, 1), BODY), Part(ellipse(0, 0, 0.5, 0.5), HOLE)]
    sprite = paint(_rng(), ring, Pose(60.0, 0.0, STRAIGHT), GRAY, LAMP)
    height, width = sprite.alpha.shape
    assert sprite.alpha[height // 2, width // 2] == 0
    assert (sprite.paint[height // 2, width // 2] == 0).all()
    assert sprite.alpha.sum() == pytest.approx(np.pi * 30**2 * 0.75, rel=0.03)


def test_the_side_towards_the_lamp_is_brighter() -> None:
    disc = [Part(ellipse(0, 0, 1, 1), BODY)]
    left = Light((-0.6, 0.0, 0.8), ambient=0.3, shadow=0.0)
    for seed in range(5):
        sprite = paint(_rng(seed), disc, Pose(60.0, 0.0, STRAIGHT), GRAY, left)
        middle = sprite.alpha.shape[1] // 2
        west, east = (
            sprite.paint[:, :middle][sprite.mask[:, :middle]],
            sprite.paint[:, middle:][sprite.mask[:, middle:]],
        )
        assert west.mean() > east.mean()


@pytest.mark.parametrize("name", [*CLASSES, "clutter"])
def test_every_figure_fits_its_sprite(name: str) -> None:
    rng = _rng(1)
    for _ in range(20):
        figure = CLASSES[name](rng) if name in CLASSES else clutter(rng)
        assert len(figure) < 255
        assert all(np.isfinite(part.outline).all() for part in figure)
        pose = random_pose(rng, 48.0, lean=np.pi)
        sprite = paint(rng, figure, pose, random_palette(rng, np.full(3, 0.5, np.float32)), LAMP)
        rows, columns = np.nonzero(sprite.alpha)
        assert rows.min() > 0
        assert columns.min() > 0
        assert rows.max() < sprite.alpha.shape[0] - 1
        assert columns.max() < sprite.alpha.shape[1] - 1
        longest = max(np.ptp(rows), np.ptp(columns)) + 1
        assert longest == pytest.approx(48, abs=2) or (name == "clutter" and longest < 48)  # a crescent is bitten off
        assert sprite.paint.dtype == np.float32
        assert (sprite.paint <= 1).all()
        assert (sprite.paint[sprite.alpha == 0] == 0).all()


def test_palette_stands_out_and_draws_a_fixed_number_of_times() -> None:
    dark, light = _rng(2), _rng(2)
    for _ in range(50):
        behind = np.full(3, 0.1, np.float32)
        palette = random_palette(dark, behind)
        assert np.abs(palette[BODY] - behind).sum() > 0.4
        random_palette(light, np.full(3, 0.9, np.float32))
    assert dark.random() == light.random()


def test_camera_keeps_the_picture_and_adds_noise() -> None:
    flat = np.full((64, 64, 3), 0.5, np.float32)
    flat[:, 32:] = 0.8
    image = camera(_rng(), flat)
    assert image.dtype == np.uint8
    assert image.shape == flat.shape
    assert image[:, 40:].mean() > image[:, :24].mean() + 30
    assert 1 < image[20:40, 8:24].std() < 20
