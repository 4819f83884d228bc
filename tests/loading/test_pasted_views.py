"""Copy, paste, jitter on real catalogs: geometry, purity, and every option."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import codo
from codo.core.errors import InputError
from codo.loading.pasted_views import PastedViews
from codo.loading.pools import Pool
from codo.views import boxes
from codo.views.cpj import CopyPasteJitter, CPJSettings, View
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


def maker(flat: Path, *, augment: AugmentSettings = PLAIN, seed: int = 0, **cpj: object) -> PastedViews:
    red, green, blue = (codo.open_catalog(flat / f"{name}.catalog") for name in ("red", "green", "blue"))
    settings = CPJSettings.model_validate(cpj)
    return PastedViews(
        red, Pool([green], [None]), Pool([blue], [None]), CopyPasteJitter(64, settings, augment), seed=seed
    )


def natural(catalog: Path, *, seed: int = 0, augment: AugmentSettings | None = None, **cpj: object) -> PastedViews:
    opened = codo.open_catalog(catalog)
    pool = Pool([opened], [None])
    settings = CPJSettings.model_validate(cpj)
    return PastedViews(opened, pool, pool, CopyPasteJitter(96, settings, augment or AugmentSettings()), seed=seed)


def is_red(view: View) -> np.ndarray:
    return (view.image[..., 0] > 200) & (view.image[..., 1:].max(axis=2) < 50)


@pytest.mark.parametrize("epoch", range(8))
def test_the_proposal_fills_the_pasted_box_and_nothing_else(flat: Path, epoch: int) -> None:
    for number, channel in ((0, 1), (1, 2), (2, 2)):  # view 0 on green (query pool), the others on blue (key pool)
        (view,) = maker(flat).views(epoch, 0, [number])
        x1, y1, x2, y2 = view.pasted.astype(int)
        inside = np.zeros((64, 64), bool)
        inside[y1:y2, x1:x2] = True
        assert np.array_equal(is_red(view), inside)
        assert (view.image[~inside][:, channel] > 200).all()


def test_sides_and_places_cover_their_ranges(flat: Path) -> None:
    pasted = np.array([maker(flat).views(epoch, 0, [0])[0].pasted for epoch in range(600)])
    sides = pasted[:, 2:] - pasted[:, :2]
    assert sides.min() == 32  # half of the canvas
    assert sides.max() == 63  # the range is half-open
    assert np.abs(sides.mean(axis=0) - 47.5).max() < 1.5
    assert abs(np.corrcoef(sides.T)[0, 1]) < 0.12  # each side for itself: free aspect ratio
    assert pasted[:, :2].min() == 0
    assert pasted[:, 2:].max() == 64  # the last position is used too


def test_jittered_boxes_keep_the_rule(flat: Path) -> None:
    views = [maker(flat).views(epoch, 0, [1])[0] for epoch in range(300)]
    overlaps = boxes.iou([view.box for view in views], [view.pasted for view in views])
    assert overlaps.min() > 0.6
    assert 0.65 < overlaps.mean() < 0.9


def test_no_jitter(flat: Path) -> None:
    for epoch in range(5):
        (view,) = maker(flat, jitter=0).views(epoch, 0, [0])
        assert np.array_equal(view.box, view.pasted)


def test_a_view_is_a_pure_function_of_its_coordinates(catalog: Path) -> None:
    one, other = natural(catalog), natural(catalog)
    other.views(3, 5, [0, 1, 2])  # whatever was made before
    (alone,) = one.views(1, 7, [2])
    together = other.views(1, 7, [0, 1, 2])[2]
    assert np.array_equal(alone.image, together.image)
    assert np.array_equal(alone.box, together.box)


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


def test_keeping_the_aspect_ratio(catalog: Path) -> None:
    cpj = natural(catalog, aspect="keep", foreground_area=(1, 1), foreground_ratio=(0.01, 100), min_side=1)
    for sample in range(12):
        height, width = cpj.proposal(0, sample).shape[:2]
        box = cpj.views(0, sample, [0])[0].pasted
        w, h = box[2] - box[0], box[3] - box[1]
        # Within what rounding both sides to whole pixels can do.
        assert abs(w / h - width / height) <= (width / height) * (0.5 / w + 0.5 / h) * 1.5 + 0.1


def test_composite_colors_have_no_seam(flat: Path) -> None:
    """Gray on the composite turns both parts gray; apart, one may stay colored."""
    gray = AugmentSettings(flip=0, color=0, gray=0.5, blur=0)

    def parts(cpj: PastedViews, epoch: int) -> tuple[bool, bool]:
        (view,) = cpj.views(epoch, 0, [0])
        x1, y1, x2, y2 = view.pasted.astype(int)
        outside = np.ones((64, 64), bool)
        outside[y1:y2, x1:x2] = False
        colorful = np.ptp(view.image.astype(int), axis=2) > 30
        return bool(colorful[y1:y2, x1:x2].any()), bool(colorful[outside].any())

    together = {parts(maker(flat, augment=gray, photometric="composite"), epoch) for epoch in range(40)}
    apart = {parts(maker(flat, augment=gray), epoch) for epoch in range(40)}
    assert together == {(True, True), (False, False)}
    assert apart == {(True, True), (False, False), (True, False), (False, True)}


def test_background_squeezed_whole(tmp_path: Path, flat: Path) -> None:
    """With background=resize all of the background is there: its left half white, its right half black."""
    image = np.zeros((60, 200, 3), np.uint8)
    image[:, :100] = 255
    (tmp_path / "halves").mkdir()
    cv2.imwrite(str(tmp_path / "halves/a.png"), image)
    halves = codo.prepare(tmp_path / "halves", tmp_path / "c", propose=False, jobs=1)
    cpj = maker(flat, background="resize")
    canvas = cpj.cpj.draw_background(halves.picture(0), np.random.default_rng(0))
    assert canvas.shape == (64, 64, 3)
    assert (canvas[:, :31] > 250).all()
    assert (canvas[:, 33:] < 5).all()


def test_flips_turn_foreground_and_background_apart(flat: Path, catalog: Path) -> None:
    rng = np.random.default_rng
    picture = codo.open_catalog(catalog).picture(0)
    always, never = (natural(catalog, augment=PLAIN.model_copy(update={"flip": p})) for p in (1.0, 0.0))
    flipped, plain = (cpj.cpj.draw_background(picture, rng(1)) for cpj in (always, never))
    assert np.array_equal(flipped, plain[:, ::-1])


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
