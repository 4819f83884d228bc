"""Where patches are cut, how they are arranged, and images that are too small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import codo
from codo.core.errors import InputError
from codo.loading.sampler import StepSampler
from codo.pretext.context import Context
from codo.pretext.jigsaw import Jigsaw
from codo.pretext.patch_dataset import PatchSettings
from tests.catalog.pictures import jpegs, write_folder
from tests.pretext.pictures import dataset, noise


def coordinates(side: int) -> np.ndarray:
    """A picture whose pixels are their own row and column."""
    rows, columns = np.mgrid[0:side, 0:side]
    return np.stack([rows, columns, 0 * rows], axis=2).astype(np.uint8)


def test_patches_lie_around_the_middle_of_their_cells() -> None:
    made = dataset(
        Jigsaw, [coordinates(90)] * 40, cell=30, patch=16, jitter=3, permutations=7, channel_jitter=0, normalize=False
    )
    starts, answers = [], set()
    for sample in range(40):
        patches, answer = made.arranged(0, sample)
        assert patches.shape == (9, 16, 16, 3)
        corners = patches[:, 0, 0, :2].astype(int)
        cells = corners // 30
        assert (3 * cells[:, 0] + cells[:, 1] == made.arrangements[answer]).all()
        for patch, (row, column) in zip(patches, corners, strict=True):
            assert np.array_equal(patch, coordinates(90)[row : row + 16, column : column + 16])
        starts.append(corners - 30 * cells)
        answers.add(answer)
    assert np.unique(np.concatenate(starts)).tolist() == list(range(4, 11))  # the middle is 7
    assert answers == set(range(7))


def test_context_shows_the_middle_and_a_neighbor() -> None:
    made = dataset(Context, [coordinates(72)] * 60, cell=24, patch=16, jitter=0, colors="keep")
    found = {}
    for sample in range(60):
        patches, answer = made.arranged(0, sample)
        middle, other = patches[:, 0, 0, :2].astype(int) // 24
        assert middle.tolist() == [1, 1]
        found[answer] = tuple((other - 1).tolist())
    around = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
    assert found == dict(enumerate(around))


def test_batches_depend_on_seed_and_sample_not_on_ranks() -> None:
    made = dataset(Context, noise(16, 60, 60), cell=20, patch=16)
    whole = [made.batch(plan) for plan in StepSampler(16, 8, 0, stop=2)]
    parts = [[made.batch(plan) for plan in StepSampler(16, 8, 0, stop=2, rank=r, world=2)] for r in range(2)]
    for step, batch in enumerate(whole):
        assert torch.equal(batch.patches, torch.cat([part[step].patches for part in parts]))
        assert torch.equal(batch.answers, torch.cat([part[step].answers for part in parts]))
        assert batch.step == step
    assert not torch.equal(whole[0].patches, whole[1].patches)


def test_images_smaller_than_the_patches_are_refused() -> None:
    sizes = {"cell": 24, "patch": 20}
    with pytest.raises(InputError, match="4 of 4 images have a side below 60 pixels") as caught:
        dataset(Context, noise(4, 59, 90), **sizes).check_images()
    assert "options.patch=19" in caught.value.fix
    mixed = noise(3, 59, 90) + noise(5, 60, 60)
    (warning,) = dataset(Context, mixed, **sizes).check_images()
    assert warning.startswith("3 of 8 images have a side below 60 pixels")
    assert dataset(Context, noise(4, 60, 60), **sizes).check_images() == []


def test_packed_images_are_as_small_as_they_were_packed(tmp_path: Path) -> None:
    """They are trained on as they are stored, and so they are judged, not by the files they came from."""
    write_folder(tmp_path / "photos", jpegs(4, width=90, height=70))
    codo.prepare(tmp_path / "photos", tmp_path / "packed", pack=40)
    packed = codo.open_catalog(tmp_path / "packed")
    assert packed.size(0) == (90, 70)
    with pytest.raises(InputError, match="4 of 4 images have a side below 60 pixels"):
        dataset(Context, packed, cell=24, patch=20).check_images()


def test_patches_must_fit_into_cells() -> None:
    with pytest.raises(ValueError, match="a patch of 20 pixels does not fit into a cell of 19"):
        PatchSettings(cell=19, patch=20)
