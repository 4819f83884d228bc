"""SoCo's views: proposals are carried through crop, size and flip, and are of the same objects in all views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import codo
from codo.core.errors import InputError
from codo.loading.crop_dataset import Crop
from codo.loading.object_crops import ObjectDataset, Objects
from codo.loading.sampler import StepSampler
from codo.views.lazy_image import LazyImage
from codo.views.photometric import AugmentSettings

S = 64
PLAIN = AugmentSettings(color=0, gray=0, blur=0, flip=0, crop_area=(0.5, 1.0))
STILL = Objects(number=4, size_band=(0.3, 0.8), jitter=0.1, jitter_share=0.0, visible=0.0)


class Ramp:
    """An image whose pixels say where they are: red grows with x, green with y. Stands in for a catalog."""

    has_proposals, path = True, "ramp"

    def __init__(self, *proposals: tuple[int, int, int, int]) -> None:
        x, y = np.meshgrid(np.arange(240), np.arange(160))
        self.pixels = np.stack([x, y, np.zeros_like(x)], axis=-1).astype(np.uint8)
        self.found = np.array(proposals, np.int32)

    def __len__(self) -> int:
        return 1

    def size(self, i: int) -> tuple[int, int]:
        return 240, 160

    def lazy_image(self, i: int) -> LazyImage:
        return LazyImage.from_array(self.pixels)

    def proposals(self, i: int) -> Any:
        return self.found


def dataset(images: Any, objects: Objects = STILL, augment: AugmentSettings = PLAIN) -> ObjectDataset:
    return ObjectDataset(images, [Crop(S, augment), Crop(S, augment), Crop(S // 2, augment)], objects, 0)


SOME = ((20, 30, 120, 110), (100, 20, 180, 120), (130, 60, 230, 150), (60, 60, 160, 140), (10, 10, 90, 90))


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_the_same_object_lies_in_the_box_of_every_view(flip: float) -> None:
    made = dataset(Ramp(*SOME), augment=PLAIN.model_copy(update={"flip": flip}))
    compared = 0
    for epoch in range(20):
        views = made.sample(epoch, 0)
        for k in range(4):
            middles = []
            for image, boxes in views:
                x1, y1, x2, y2 = boxes[k]
                assert 0 <= x1 < x2 <= len(image)
                assert 0 <= y1 < y2 <= len(image)
                middles.append(image[round((y1 + y2) / 2 - 0.5), round((x1 + x2) / 2 - 0.5), :2].astype(int))
            inside = (views[1][1][k] > 0).all() and (views[1][1][k] < S).all()
            if inside:  # not cut by the crop: the middles coincide, within two pixels of the smallest view
                assert np.abs(middles[0] - middles[1]).max() <= 8
                assert np.abs(middles[0] - middles[2]).max() <= 16
                compared += 1
    assert compared > 20


def test_the_whole_image_and_the_crop_by_hand() -> None:
    whole = PLAIN.model_copy(update={"crop_area": (1.0, 1.0), "crop_ratio": (0.1, 10.0)})
    views = dataset(Ramp((60, 40, 180, 120)), augment=whole).sample(0, 0)
    part, _ = dataset(Ramp((60, 40, 180, 120)), augment=whole).choose(
        LazyImage.from_array(Ramp((0, 0, 1, 1)).pixels), np.array([[60, 40, 180, 120]]), 0, 0
    )
    assert views[0][1].tolist() == [[16, 16, 48, 48]] * 4  # one proposal, K times
    x1, y1, x2, y2 = part
    by_hand = [(60 - x1) * S / (x2 - x1), (40 - y1) * S / (y2 - y1), (180 - x1) * S / (x2 - x1)]
    assert views[1][1][0][:3] == pytest.approx(np.clip(by_hand, 0, S), abs=1e-4)
    assert views[2][1][0] == pytest.approx(views[1][1][0] / 2, abs=1e-4)  # view 3 is view 2 at half the side


def test_objects_lie_in_the_crop_and_are_distinct_where_there_are_enough() -> None:
    images = Ramp(*SOME)
    half = Objects(4, (0.3, 0.8), 0.1, 0.0, visible=0.5)
    for epoch in range(20):
        part, chosen = dataset(images, half).choose(images.lazy_image(0), images.found, epoch, 0)
        corners = np.array(part)
        sides = np.minimum(chosen[:, 2:], corners[2:]) - np.maximum(chosen[:, :2], corners[:2])
        own = chosen[:, 2:] - chosen[:, :2]
        assert (sides.clip(0).prod(1) > 0.5 * own.prod(1)).all()
    everything = dataset(images, Objects(5, (0.3, 0.8), 0.1, 0.0, 0.0), PLAIN.model_copy(update={"crop_area": (1, 1)}))
    _, chosen = everything.choose(images.lazy_image(0), images.found, 0, 0)
    assert len(np.unique(chosen, axis=0)) >= 4


def test_sizes_out_of_the_band_are_left_out_where_others_are() -> None:
    large, small, good = (0, 0, 230, 150), (100, 100, 135, 135), (60, 40, 180, 120)
    images = Ramp(large, small, good)
    assert dataset(images).proposals(0, images.lazy_image(0)).tolist() == [list(good)]
    only = Ramp(large, small)
    assert len(dataset(only).proposals(0, only.lazy_image(0))) == 2  # the fallback: the ratio alone


def test_a_crop_that_shows_no_proposal_is_the_object() -> None:
    corner = PLAIN.model_copy(update={"crop_area": (0.01, 0.01)})
    images = Ramp((0, 0, 60, 60))
    empty = 0
    for epoch in range(20):
        part, _ = dataset(images, augment=corner).choose(images.lazy_image(0), images.found, epoch, 0)
        if part[0] >= 60 or part[1] >= 60:
            empty += 1
            views = dataset(images, augment=corner).sample(epoch, 0)
            assert views[1][1].tolist() == [[0, 0, S, S]] * 4
            scale = np.array([S / 240, S / 160] * 2)
            assert views[0][1][0] == pytest.approx(np.array(part) * scale, abs=1e-3)
    assert empty > 3


def test_some_boxes_of_the_first_view_are_jittered_by_a_tenth() -> None:
    images = Ramp((60, 40, 180, 120))
    still, moved = dataset(images), dataset(images, Objects(4, (0.3, 0.8), 0.1, 0.5, 0.0))
    shifts = np.array([moved.sample(e, 0)[0][1] - still.sample(e, 0)[0][1] for e in range(50)]).reshape(-1, 4)
    changed = (shifts != 0).any(axis=1)
    assert 0.35 < changed.mean() < 0.65
    assert np.abs(shifts[:, :2]).max() <= 0.1 * 32 + 1e-4
    assert all(np.array_equal(moved.sample(e, 0)[1][1], still.sample(e, 0)[1][1]) for e in range(3))


def test_a_batch_is_a_pure_function_of_the_plan(catalog: Path) -> None:
    augment = AugmentSettings(crop_area=(0.5, 1.0))
    made = dataset(codo.open_catalog(catalog), augment=augment)
    whole = [made.batch(plan) for plan in StepSampler(24, 8, 0, stop=3, shuffled=False)]
    assert [view.shape for view in whole[0].views] == [(8, S, S, 3), (8, S, S, 3), (8, S // 2, S // 2, 3)]
    assert all(boxes.shape == (8, 4, 4) for boxes in whole[0].boxes)
    parts = [[made.batch(plan) for plan in StepSampler(24, 8, 0, stop=3, rank=r, world=2)] for r in range(2)]
    for step, batch in enumerate(whole):
        for v in range(3):
            assert np.array_equal(np.concatenate([part[step].views[v] for part in parts]), batch.views[v])
            assert np.array_equal(np.concatenate([part[step].boxes[v] for part in parts]), batch.boxes[v])


def test_images_without_proposals_are_refused(photos: Path, tmp_path: Path) -> None:
    bare = codo.prepare(photos, tmp_path / "bare", propose=False, jobs=1)
    with pytest.raises(InputError, match="the catalog has no proposals") as caught:
        dataset(bare)
    assert "--no-proposals" in caught.value.fix
    with pytest.raises(InputError, match="the boxes of proposals would not follow"):
        dataset(Ramp(*SOME), augment=AugmentSettings(randaugment=2))
