"""Backgrounds and patterns: in range, of every size, not flat, and a function of the generator alone."""

from __future__ import annotations

import numpy as np
import pytest

from codo.demo.synthetic.textures import FAMILIES, background, clouds, color, muted, noise, pattern, room


def _rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


@pytest.mark.parametrize("name", [*FAMILIES, "room"])
@pytest.mark.parametrize("shape", [(64, 64), (48, 90), (91, 33)])
def test_family(name: str, shape: tuple[int, int]) -> None:
    family = FAMILIES.get(name, room)
    pictures = [family(_rng(seed), *shape) for seed in range(4)]
    for picture in pictures:
        assert picture.shape == (*shape, 3)
        assert picture.dtype == np.float32
        assert -1e-3 <= picture.min() <= picture.max() <= 1 + 1e-3
        assert picture.std() > 0.005
    assert not np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0], family(_rng(0), *shape))


def test_every_family_is_used() -> None:
    names = {background(_rng(seed), 32, 32)[1] for seed in range(150)}
    assert names == {*FAMILIES, "room"}


def test_patterns_are_fields_in_range() -> None:
    for seed in range(30):
        field = pattern(_rng(seed), 40, 50, angle=0.3)
        assert field.shape == (40, 50)
        assert field.dtype == np.float32
        assert 0 <= field.min() < field.max() <= 1


def test_noise_has_cells_of_the_asked_size() -> None:
    coarse, fine = (noise(_rng(0), 128, 128, cell) for cell in (0.5, 0.05))
    assert np.abs(np.diff(coarse, axis=1)).mean() < 0.3 * np.abs(np.diff(fine, axis=1)).mean()
    streaks = noise(_rng(0), 128, 128, 0.03, stretch=10)
    assert np.abs(np.diff(streaks, axis=1)).mean() < 0.4 * np.abs(np.diff(streaks, axis=0)).mean()


def test_clouds_fill_the_range() -> None:
    field = clouds(_rng(0), 60, 60)
    assert field.min() == 0
    assert field.max() == pytest.approx(1)


def test_colors_are_in_range_and_differ() -> None:
    rng = _rng(0)
    drawn = np.stack([f(rng) for _ in range(200) for f in (lambda r: color(r, vivid=1.0), lambda r: muted(r, low=0.2))])
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert len(np.unique(drawn, axis=0)) == 400
