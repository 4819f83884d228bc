"""Which proposal and which backgrounds the views of a sample take, on real catalogs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import codo
from codo.core.errors import InputError
from codo.core.rng import RngStream, generator
from codo.loading.pasted_views import PastedViews
from codo.loading.pools import Pool
from codo.views.cpj import CopyPasteJitter, CPJSettings
from codo.views.photometric import AugmentSettings

PLAIN = AugmentSettings(flip=0, color=0, gray=0, blur=0)


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Catalogs of flat red, green and blue images: where each pixel of a view comes from can be seen."""
    root = tmp_path_factory.mktemp("flat")
    for channel, name in enumerate(("red", "green", "blue")):
        image = np.zeros((80, 120, 3), np.uint8)
        image[..., 2 - channel] = 255  # OpenCV writes BGR
        (root / name).mkdir()
        cv2.imwrite(str(root / name / "a.png"), image)
        codo.prepare(root / name, root / f"{name}.catalog", jobs=1)
    return root


def maker(flat: Path) -> PastedViews:
    red, green, blue = (codo.open_catalog(flat / f"{name}.catalog") for name in ("red", "green", "blue"))
    cpj = CopyPasteJitter(64, CPJSettings(), PLAIN)
    return PastedViews(red, Pool([green], [None]), Pool([blue], [None]), cpj, seed=0)


def natural(catalog: Path, *, seed: int = 0, **cpj: object) -> PastedViews:
    opened = codo.open_catalog(catalog)
    pool = Pool([opened], [None])
    settings = CPJSettings.model_validate(cpj)
    return PastedViews(opened, pool, pool, CopyPasteJitter(96, settings), seed=seed)


def test_the_first_view_is_on_the_query_backgrounds_and_the_others_on_the_key_ones(flat: Path) -> None:
    for number, channel in ((0, 1), (1, 2), (2, 2)):
        (view,) = maker(flat).views(3, 0, [number])
        x1, y1, x2, y2 = view.pasted.astype(int)
        outside = np.ones((64, 64), bool)
        outside[y1:y2, x1:x2] = False
        assert (view.image[y1:y2, x1:x2, 0] > 200).all()  # the proposal is red
        assert (view.image[outside][:, channel] > 200).all()


def test_a_view_is_a_pure_function_of_its_coordinates(catalog: Path) -> None:
    one, other = natural(catalog), natural(catalog)
    other.views(3, 5, [0, 1, 2])  # whatever was made before
    (alone,) = one.views(1, 7, [2])
    together = other.views(1, 7, [0, 1, 2])[2]
    assert np.array_equal(alone.image, together.image)
    assert np.array_equal(alone.box, together.box)


def test_views_are_those_of_numpys_generator(catalog: Path) -> None:
    """The loader draws in compiled code; drawn by NumPy, in Python, a view has the same pixels and boxes."""
    made = natural(catalog)
    for sample in range(8):
        for number, view in enumerate(made.views(1, sample, [0, 1])):
            rng = generator(0, 1, sample, RngStream.VIEW + number)
            background, index = made.query.draw(rng)
            expected = made.cpj.view(made.proposal(1, sample), background.lazy_image(index), rng)
            for field in ("image", "box", "pasted"):
                np.testing.assert_array_equal(getattr(view, field), getattr(expected, field))
        rng = generator(0, 1, sample, RngStream.PROPOSAL)
        x1, y1, x2, y2 = made.foregrounds.proposals(sample)[rng.integers(len(made.foregrounds.proposals(sample)))]
        np.testing.assert_array_equal(made.proposal(1, sample), made.foregrounds.image(sample)[y1:y2, x1:x2])


def test_views_epochs_and_seeds_differ(catalog: Path) -> None:
    base = natural(catalog).views(0, 3, [0])[0]
    others = [
        natural(catalog).views(0, 3, [1])[0],
        natural(catalog).views(1, 3, [0])[0],
        natural(catalog, seed=1).views(0, 3, [0])[0],
    ]
    assert all(not np.array_equal(base.image, other.image) for other in others)


def test_all_views_show_the_same_proposal(catalog: Path) -> None:
    cpj = natural(catalog)
    proposals = {cpj.proposal(epoch, 4).tobytes() for epoch in range(12)}
    assert len(proposals) > 3  # redrawn each epoch
    fixed = natural(catalog, proposal="fixed")
    assert len({fixed.proposal(epoch, 4).tobytes() for epoch in range(12)}) == 1


def test_a_size_band_leaves_out_proposals_of_other_sizes(catalog: Path) -> None:
    """Square root of box area over image area, by hand; an image that has none in the band keeps all."""
    half = np.array([[0, 0, 50, 50], [0, 0, 10, 10], [0, 0, 100, 100], [0, 0, 30, 30]], np.int32)
    band = natural(catalog, size_band=(0.3, 0.8))
    assert band._in_band(half, 100, 100).tolist() == [half[0].tolist(), half[3].tolist()]  # 0.5 and 0.3
    assert band._in_band(half[1:3], 100, 100).tolist() == half[1:3].tolist()
    assert natural(catalog)._in_band(half, 100, 100) is half
    for sample in range(len(band)):
        width, height = band.foregrounds.size(sample)
        kept = band._in_band(band.foregrounds.proposals(sample), width, height)
        sizes = {(y2 - y1, x2 - x1) for x1, y1, x2, y2 in kept.tolist()}
        assert band.proposal(0, sample).shape[:2] in sizes


def test_foregrounds_without_proposals_are_refused(tmp_path: Path, photos: Path) -> None:
    bare = codo.prepare(photos, tmp_path / "bare", propose=False, jobs=1)
    pool = Pool([bare], [None])
    with pytest.raises(InputError, match="no proposals"):
        PastedViews(bare, pool, pool, CopyPasteJitter(64, CPJSettings(), PLAIN), seed=0)
