"""RandAugment's operations against what they mean, and its draws against the odds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import codo
from codo.core.rng import generator
from codo.loading.crop_dataset import Crop, CropDataset
from codo.views import photometric, randaugment
from codo.views.photometric import AugmentSettings, Photometric
from codo.views.randaugment import AMOUNTS, FILL, Operation


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    y, x = np.mgrid[0:64, 0:64]
    waves = [127 + 110 * np.sin(x / a + b) * np.cos(y / c) for a, b, c in ((9, 0, 13), (17, 1, 7), (11, 2, 19))]
    return np.stack(waves, axis=2).astype(np.uint8)


def applied(image: np.ndarray, name: str, amount: float = 0.0) -> np.ndarray:
    return randaugment.apply(image, [Operation(name, amount)])


def test_levels_are_changed_as_named(image: np.ndarray) -> None:
    assert np.array_equal(applied(image, "invert"), 255 - image)
    assert np.array_equal(applied(image, "solarize", 100), np.where(image >= 100, 255 - image, image))
    assert np.array_equal(applied(image, "solarize", 256), image)
    assert np.array_equal(applied(image, "posterize", 3), image & 0b11100000)
    assert not applied(image, "posterize", 0).any()
    brighter = np.minimum(255, image.astype(int) + 110)
    assert np.array_equal(applied(image, "solarize_add", 110), np.where(image < 128, brighter, image))
    stretched = applied(image, "auto_contrast")
    assert stretched.min(axis=(0, 1)).tolist() == [0, 0, 0]
    assert stretched.max(axis=(0, 1)).min() >= 254  # Pillow rounds down
    for channel in np.moveaxis(applied(image, "equalize"), 2, 0):  # each level takes its share
        assert np.abs(np.quantile(channel, [0.25, 0.5, 0.75]) - [64, 128, 191]).max() <= 6


@pytest.mark.parametrize(("name", "ours"), [("color", "saturation"), ("contrast",) * 2, ("brightness",) * 2])
def test_enhancers_equal_our_kernels(image: np.ndarray, name: str, ours: str) -> None:
    for factor in (0.1, 1.9):
        expected = photometric.apply(image, Photometric(((ours, factor),))).astype(int)
        assert np.abs(applied(image, name, factor) - expected).max() <= 2


def test_sharpness_leaves_the_image_at_one_and_sharpens_above(image: np.ndarray) -> None:
    noisy = np.random.default_rng(0).integers(64, 192, image.shape, dtype=np.uint8)
    assert np.array_equal(applied(noisy, "sharpness", 1.0), noisy)
    assert applied(noisy, "sharpness", 1.9).std() > noisy.std() > applied(noisy, "sharpness", 0.1).std()


def test_geometry_moves_and_fills(image: np.ndarray) -> None:
    moved = applied(image, "translate_x", 0.25)
    assert np.array_equal(moved[:, :48], image[:, 16:])
    assert (moved[:, 48:] == FILL).all()
    moved = applied(image, "translate_y", -0.25)
    assert np.array_equal(moved[16:], image[:48])
    assert np.array_equal(applied(image, "rotate", 90), np.rot90(image))
    ramp = np.repeat(np.tile(np.arange(64), (64, 1))[..., None], 3, axis=2).astype(np.uint8)
    sheared = applied(ramp, "shear_x", 0.3)[:, :40].astype(float)
    y, x = np.mgrid[0:64, 0:40]
    assert np.abs(sheared[..., 0] - (x + 0.3 * (y + 0.5)))[x + 0.3 * y < 60].max() <= 1
    assert np.array_equal(
        applied(ramp.transpose(1, 0, 2), "shear_y", 0.3), applied(ramp, "shear_x", 0.3).swapaxes(0, 1)
    )


def test_draws_have_the_odds_of_infomin(image: np.ndarray) -> None:
    drawn = [randaugment.draw(2, 10, generator(0, 0, sample, 16)) for sample in range(3000)]
    operations = [operation for one in drawn for operation in one]
    assert len(operations) == pytest.approx(3000, rel=0.05)  # half of two each
    counts = Counter(operation.name for operation in operations)
    assert counts.keys() == AMOUNTS.keys()
    assert min(counts.values()) > 0.7 * 200  # uniform: a fifteenth of them
    turns = np.array([operation.amount for operation in operations if operation.name == "rotate"])
    assert np.abs(turns).max() == 30
    assert np.mean(np.abs(turns) == 30) == pytest.approx(0.5, abs=0.12)  # cut off at full strength
    assert np.mean(turns > 0) == pytest.approx(0.5, abs=0.12)
    assert {operation.amount for operation in operations if operation.name == "posterize"} == {3, 4}
    factors = [operation.amount for operation in operations if operation.name == "color"]
    assert min(factors) > 1.5
    assert max(factors) == pytest.approx(1.9)
    weak = [
        one.amount for s in range(300) for one in randaugment.draw(2, 0, generator(0, 0, s, 16)) if one.name == "rotate"
    ]
    assert np.abs(weak).max() < 30 * 0.2


def test_every_operation_returns_a_new_image(image: np.ndarray) -> None:
    before = image.copy()
    for name, amount in AMOUNTS.items():
        made = applied(image, name, amount(0.7))
        assert made.shape == image.shape
        assert made.dtype == np.uint8
        assert not np.array_equal(made, image), name
        assert np.array_equal(image, before)


def test_views_are_pure_functions_and_gray_to_the_corners(catalog: Path) -> None:
    augment = AugmentSettings(randaugment=2, gray=1.0)
    made, again = (CropDataset(codo.open_catalog(catalog), [Crop(64, augment)] * 2, 5) for _ in range(2))
    for sample in range(12):
        first, second = made.views(3, sample, [0, 1])
        assert np.array_equal(second, again.views(3, sample, [1])[0])
        assert (first == first[..., :1]).all()
    plain = CropDataset(codo.open_catalog(catalog), [Crop(64, AugmentSettings(gray=1.0))], 5)
    changed = [not np.array_equal(made.views(3, i, [0])[0], plain.views(3, i, [0])[0]) for i in range(12)]
    assert 4 <= sum(changed) <= 12  # three quarters have an operation left
