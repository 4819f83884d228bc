"""ORL's views: whose they are, where they are, and that they depend on the plan alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import codo
from codo.core.errors import CodoError, InputError
from codo.loading.crop_dataset import Crop
from codo.loading.object_pairs import UNCHANGED, ObjectPairs, Pairs
from codo.loading.sampler import StepSampler
from codo.views.lazy_image import LazyImage
from codo.views.photometric import AugmentSettings

SMALL: dict[str, Any] = {"compared": 4, "min_side": 32, "seed": 0}


class Marked:
    """Images in a color of their own whose blue is bright inside of their one proposal. Stands in for a catalog."""

    has_proposals, path = True, "marked"
    boxes = np.array([[20, 20, 80, 60], [100, 10, 160, 90], [40, 30, 120, 100]], np.int32)

    def __len__(self) -> int:
        return len(self.boxes)

    def size(self, i: int) -> tuple[int, int]:
        return 180, 120

    def lazy_image(self, i: int) -> LazyImage:
        image = np.zeros((120, 180, 3), np.uint8)
        image[..., 0] = 50 * (i + 1)
        x1, y1, x2, y2 = self.boxes[i]
        image[y1:y2, x1:x2, 2] = 200
        return LazyImage.from_array(image)

    def proposals(self, i: int) -> Any:
        return self.boxes[i : i + 1]


def dataset(images: Any, augment: AugmentSettings = UNCHANGED) -> ObjectPairs:
    return ObjectPairs(images, [Crop(64, augment)] * 2, [Crop(32, augment)] * 2, **SMALL)


def test_views_show_the_image_its_object_and_one_of_a_neighbor() -> None:
    images = Marked()
    made = dataset(images)
    neighbors = np.array([[1], [2], [0]], np.int32)
    made.pairs = Pairs(
        neighbors,
        images.boxes.reshape(3, 1, 1, 4).astype(np.uint16),
        images.boxes[neighbors[:, 0]].reshape(3, 1, 1, 4).astype(np.uint16),
    )
    moved = 0.0
    for epoch in range(10):
        for i in range(3):
            views = made.sample(epoch, i)
            assert [len(view) for view in views] == [64, 64, 32, 32, 32, 32]
            whose = [int(view[..., 0].mean().round()) // 50 - 1 for view in views]
            assert whose == [i, i, i, i, i, int(neighbors[i, 0])]
            for exact in (2, 4, 5):  # the proposal and nothing else
                assert (views[exact][..., 2] == 200).all()
            share = (views[3][..., 2] > 100).mean()
            assert share > 0.45  # the other box around it has some background, by an IoU above 0.5 at most half
            moved += share < 0.99
    assert moved > 10


def test_a_batch_is_a_pure_function_of_the_plan(catalog: Path) -> None:
    made = dataset(codo.open_catalog(catalog), AugmentSettings())
    rng = np.random.default_rng(0)
    nearest = rng.integers(0, 24, (24, 2)).astype(np.int32)
    own = np.array([[[made.proposals(i)[0]]] * 2 for i in range(24)], np.uint16)
    other = np.array([[[made.proposals(int(j))[0]] for j in row] for row in nearest], np.uint16)
    made.pairs = Pairs(nearest, own, other)
    whole = [made.batch(plan) for plan in StepSampler(24, 8, 0, stop=3, shuffled=False)]
    assert [view.shape for view in whole[0].views] == [(8, 64, 64, 3)] * 2 + [(8, 32, 32, 3)] * 4
    parts = [[made.batch(plan) for plan in StepSampler(24, 8, 0, stop=3, rank=r, world=2)] for r in range(2)]
    for step, batch in enumerate(whole):
        for v in range(6):
            assert np.array_equal(np.concatenate([part[step].views[v] for part in parts]), batch.views[v])


def test_pairs_are_written_and_read(tmp_path: Path) -> None:
    pairs = Pairs(np.array([[1], [0]], np.int32), np.ones((2, 1, 3, 4), np.uint16), np.zeros((2, 1, 3, 4), np.uint16))
    pairs.write(tmp_path / "pairs.npz")
    read = Pairs.read(tmp_path / "pairs.npz")
    assert all(np.array_equal(one, other) and one.dtype == other.dtype for one, other in zip(pairs, read, strict=True))
    whole = (tmp_path / "pairs.npz").read_bytes()
    for content in (whole[:-30], b"", b"text"):
        (tmp_path / "pairs.npz").write_bytes(content)
        with pytest.raises(CodoError, match="the pairs of the run cannot be read"):
            Pairs.read(tmp_path / "pairs.npz")
    with pytest.raises(CodoError, match="the pairs of the run cannot be read"):
        Pairs.read(tmp_path / "absent.npz")


def test_images_without_proposals_and_views_without_pairs_are_refused(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the catalog has no proposals"):
        dataset(codo.prepare(photos, tmp_path / "bare", propose=False, jobs=1))
    with pytest.raises(InputError, match="the pairs of similar objects are missing"):
        dataset(Marked()).sample(0, 0)
