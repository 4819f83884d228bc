"""DiLo's views: which pixels change, by hand; what a view depends on; pictures without an object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from codo.core.errors import InputError
from codo.loading.crop_dataset import Crop
from codo.loading.pools import Pool
from codo.loading.salient_views import SalientPairs, SalientSettings, cut_alpha, mirrored
from codo.loading.sampler import StepPlan
from codo.preparation.prepare import prepare
from codo.views.lazy_image import LazyImage
from codo.views.photometric import AugmentSettings

S = 32
WHOLE = AugmentSettings(crop_area=(1.0, 1.0), crop_ratio=(1.0, 1.0), color=0, gray=0, blur=0, flip=0)


class Pictures:
    """Square pictures: a red disc on blue; or all of one color."""

    path = "pictures"

    def __init__(self, count: int = 4, *, empty: bool = False, color: int = 0) -> None:
        self.count, self.empty, self.color = count, empty, color

    def __len__(self) -> int:
        return self.count

    def lazy_image(self, i: int) -> LazyImage:
        image = np.full((64, 64, 3), (40, 60, 160), np.uint8)
        if self.empty:
            image[:] = self.color
        else:
            cv2.circle(image, (32, 32), 14, (200, 50, 40), -1)
        return LazyImage.from_array(image)


def made(images: Any = None, augment: AugmentSettings = WHOLE, **settings: Any) -> SalientPairs:
    pool = Pool([Pictures(empty=True, color=255)], [None])  # type: ignore[list-item]  # stands in for a catalog
    crops = [Crop(S, augment)] * 2
    return SalientPairs(images or Pictures(), crops, 0, pool, pool, SalientSettings(**settings))


def disc() -> np.ndarray:
    """Well inside the disc, at the side of a view."""
    y, x = np.indices((S, S))
    return (y - S / 2 + 0.5) ** 2 + (x - S / 2 + 0.5) ** 2 < 5**2


def outside() -> np.ndarray:
    y, x = np.indices((S, S))
    return (y - S / 2 + 0.5) ** 2 + (x - S / 2 + 0.5) ** 2 > 10**2


@pytest.mark.parametrize(
    ("kinds", "background"), [((1, 0, 0), None), ((0, 1, 0), (255, 255, 255)), ((0, 0, 1), (255, 255, 255))]
)
def test_the_object_stays_and_its_background_changes(kinds: Any, background: Any) -> None:
    views = made(pasted=1.0, backgrounds=kinds)
    first, second = views.views(0, 0, [0, 1])
    for view in (first, second):
        assert np.abs(view[disc()].astype(int) - (200, 50, 40)).max() <= 3
        around = view[outside()].reshape(-1, 3)
        if background is not None:
            assert np.abs(around.astype(int) - background).max() <= 3
        assert np.ptp(around, axis=0).max() <= 3
    if background is None:  # gray, and another level in each view
        levels = [np.median(view[outside()], axis=0) for view in (first, second)]
        assert all(np.ptp(level) <= 3 for level in levels)
        assert np.abs(levels[0] - levels[1]).max() > 3


@pytest.mark.parametrize("kinds", [(0, 1, 0), (0, 0, 1)])
def test_the_query_view_and_the_key_views_have_backgrounds_of_their_own_pools(kinds: Any) -> None:
    pools = [Pool([Pictures(empty=True, color=color)], [None]) for color in (255, 0)]  # type: ignore[list-item]  # stand-ins
    crops, settings = [Crop(S, WHOLE)] * 3, SalientSettings(pasted=1.0, backgrounds=kinds)
    views = SalientPairs(Pictures(), crops, 0, *pools, settings)  # type: ignore[arg-type]  # stands in for a catalog
    levels = [float(np.median(view[outside()])) for view in views.views(0, 0, [0, 1, 2])]
    assert levels == [255, 0, 0]
    # The other pool changes nothing about a view.
    same, other = made(pasted=1.0, backgrounds=kinds).views(0, 0, [0, 1]), views.views(0, 0, [0])
    assert np.array_equal(same[0], other[0])


def test_nothing_is_pasted_at_share_zero() -> None:
    plain = made(pasted=0.0).views(0, 0, [0])[0]
    assert np.abs(plain[outside()].reshape(-1, 3).astype(int) - (40, 60, 160)).max() <= 1


def test_about_the_wanted_share_is_pasted() -> None:
    views = made(Pictures(300), pasted=0.3, backgrounds=(0, 0, 1))
    white = [views.views(0, i, [0])[0][0, 0, 2] > 200 for i in range(300)]
    assert 0.2 < np.mean(white) < 0.4


def test_a_view_depends_on_nothing_else() -> None:
    both = made(augment=AugmentSettings(), pasted=0.7).views(3, 2, [0, 1])
    (second,) = made(augment=AugmentSettings(), pasted=0.7).views(3, 2, [1])
    assert np.array_equal(both[1], second)
    assert not np.array_equal(both[0], both[1])
    plan = StepPlan(5, 3, np.array([2, 0]), np.array([1, 2]), np.array([1, 0]))
    batch = made(augment=AugmentSettings(), pasted=0.7).batch(plan)
    assert np.array_equal(batch.query_images[0].numpy(), both[0])
    assert np.array_equal(batch.key_images[0, 1].numpy(), second)


@pytest.mark.parametrize("packed", [None, 40])
def test_stored_alphas_give_the_same_views(photos: Path, tmp_path: Path, packed: int | None) -> None:
    images = prepare(photos, tmp_path / "catalog", propose=False, pack=packed, jobs=1)
    plan = StepPlan(5, 3, np.array([2, 0, 7]), np.array([1, 2, 2]), np.array([1, 0, 2]))
    crops = [Crop(S, AugmentSettings())] * 2
    pool, settings = Pool([images], [None]), SalientSettings(pasted=0.8, foreground=(0.001, 1.0))
    plain, stored = (SalientPairs(images, crops, 0, pool, pool, settings) for _ in range(2))
    assert stored.store_alphas(tmp_path / "alphas.bin").images == len(images)
    stored.alpha = None  # type: ignore[method-assign,assignment]  # it would fail now
    assert any(stored.stored is not None and stored.stored[i] is not None for i in (0, 1, 2, 7))
    for one, two in zip(plain.batch(plan)[:5], stored.batch(plan)[:5], strict=True):
        assert torch.equal(one, two)


def test_pictures_without_an_object() -> None:
    for count in (4, 1):
        with pytest.raises(InputError, match=f"none of {count} images has a salient object of 5% to 80% of the area"):
            made(Pictures(count, empty=True)).check_images()
    assert made().check_images() == []

    class Half(Pictures):
        def lazy_image(self, i: int) -> LazyImage:
            return Pictures(empty=i % 4 != 3, color=99).lazy_image(i)

    views = made(Half(), pasted=1.0)
    assert views.check_images() == [
        "only 1 of 4 images have a salient object of 5% to 80% of the area (options.foreground): "
        "the others are not pasted"
    ]
    assert (views.views(0, 0, [0])[0] == 99).all()  # not pasted


def test_settings_are_checked() -> None:
    for wrong in ((0, 0, 0), (1, -1, 1)):
        with pytest.raises(ValueError, match="three numbers that are not negative"):
            SalientSettings(backgrounds=wrong)


def test_alpha_is_cut_at_the_pixels_of_the_image() -> None:
    # Reduced by 2: column x of the image is at (x + 1/2) / 2 - 1/2 of the alpha.
    alpha = np.tile(np.arange(8, dtype=np.float32), (6, 1))
    cut = cut_alpha(alpha, (16, 12), (4, 2, 10, 8))
    assert cut.shape == (6, 6)
    assert np.allclose(cut, [(x + 0.5) / 2 - 0.5 for x in range(4, 10)], atol=0.02)


def test_a_patch_is_mirrored_again_and_again() -> None:
    patch = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    tiled = mirrored(patch, 8, 5)[..., 0]
    assert tiled.tolist() == [
        [0, 1, 2, 2, 1, 0, 0, 1],
        [3, 4, 5, 5, 4, 3, 3, 4],
        [3, 4, 5, 5, 4, 3, 3, 4],
        [0, 1, 2, 2, 1, 0, 0, 1],
        [0, 1, 2, 2, 1, 0, 0, 1],
    ]
