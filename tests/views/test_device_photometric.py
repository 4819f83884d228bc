"""Colors on the device are those of the loader: pixel by pixel where they can be, in distribution always."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import codo
from codo.loading.pasted_views import PastedViews
from codo.loading.pools import Pool
from codo.loading.sampler import StepSampler
from codo.loading.step_dataset import ViewDataset
from codo.views.cpj import CopyPasteJitter, CPJSettings
from codo.views.device_photometric import Deferred, finish
from codo.views.photometric import AugmentSettings, Photometric, apply, draw


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """A smooth, colorful picture with a wide range of values."""
    y, x = np.mgrid[0:64, 0:64]
    waves = [127 + 120 * np.sin(x / a + b) * np.cos(y / c) for a, b, c in ((9, 0, 13), (17, 1, 7), (11, 2, 19))]
    return np.stack(waves, axis=2).astype(np.uint8)


def on_device(image: np.ndarray, changes: list[Photometric], box: tuple[int, ...] = (0, 0, 0, 0)) -> np.ndarray:
    """One picture under several changes, all in one batch: ``(n, S, S, 3)``."""
    rows = np.stack([[change.numbers(), change.numbers()] for change in changes]).astype(np.float32)
    images = torch.from_numpy(np.stack([image] * len(changes)))
    return finish(images, Deferred(rows, np.array([box] * len(changes), np.float32))).numpy()


def test_colors_are_those_of_the_loader(image: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    changes = [draw(AugmentSettings(blur=0), rng) for _ in range(40)] + [Photometric(), Photometric(gray=True)]
    for change, got in zip(changes, on_device(image, changes), strict=True):
        assert np.abs(got.astype(int) - apply(image, change)).max() <= 1, change


def test_blur_is_that_of_the_loader_away_from_the_border(image: np.ndarray) -> None:
    changes = [Photometric(sigma=sigma) for sigma in (0.1, 0.5, 1.0, 1.5, 2.0)]
    for change, got in zip(changes, on_device(image, changes), strict=True):
        apart = np.abs(got.astype(int) - apply(image, change))
        assert apart[6:-6, 6:-6].max() <= 1, change
        assert apart.max() <= 12


def test_flat_parts_stay_flat_under_blur() -> None:
    canvas = np.full((32, 32, 3), 40, np.uint8)
    canvas[8:20, 10:30] = 200
    rows = np.array([[Photometric(sigma=2.0).numbers(), Photometric(sigma=1.0).numbers()]], np.float32)
    got = finish(torch.from_numpy(canvas[None]), Deferred(rows, np.array([[10, 8, 30, 20]], np.float32)))
    assert np.array_equal(got[0].numpy(), canvas)  # nothing bleeds from one part into the other


def test_each_part_has_its_own_change(image: np.ndarray) -> None:
    dark, bright = Photometric((("brightness", 0.5),)), Photometric((("brightness", 1.5),))
    rows = np.array([[dark.numbers(), bright.numbers()]], np.float32)
    got = finish(torch.from_numpy(image[None]), Deferred(rows, np.array([[10, 8, 30, 20]], np.float32)))[0].numpy()
    expected = apply(image, dark)
    expected[8:20, 10:30] = apply(image, bright)[8:20, 10:30]
    assert np.array_equal(got, expected)


def views(catalog: Path, defers: bool, **cpj: object) -> np.ndarray:
    """The batches of an epoch, finished: ``(n, S, S, 3)``."""
    opened = codo.open_catalog(catalog)
    pool = Pool([opened], [None])
    settings, augment = CPJSettings.model_validate(cpj), AugmentSettings()
    maker = PastedViews(opened, pool, pool, CopyPasteJitter(64, settings, augment, defer_photometric=defers), seed=0)
    dataset, made = ViewDataset(maker, 3), []
    for plan in StepSampler(len(maker), 8, 0, stop=9):
        batch = dataset.finish(dataset.batch(plan))
        assert batch.deferred is None
        made += [batch.query_images, batch.key_images.flatten(0, 1)]
    return torch.cat(made).numpy().astype(np.float32)


@pytest.mark.parametrize("kind", ["separate", "composite"])
def test_views_have_the_same_moments(catalog: Path, kind: str) -> None:
    """The same draws, 216 views: means, spreads and sharpness agree, and nearly all pixels do."""
    loader, device = (views(catalog, defers, photometric=kind) for defers in (False, True))
    assert loader.shape == device.shape
    assert np.abs(loader.mean((0, 1, 2)) - device.mean((0, 1, 2))).max() < 0.5
    assert np.abs(loader.std((1, 2)).mean(0) - device.std((1, 2)).mean(0)).max() < 0.5
    sharpness = [np.abs(np.diff(of, axis=2)).mean() for of in (loader, device)]
    assert sharpness[0] == pytest.approx(sharpness[1], rel=0.02)
    assert np.abs(loader - device).mean() < 1
