"""Copy, paste, jitter on plain arrays of flat colors, where it can be seen from which image a pixel comes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from codo.core.errors import InputError
from codo.views import boxes
from codo.views.cpj import CopyPasteJitter, CPJSettings, View
from codo.views.lazy_image import LazyImage
from codo.views.photometric import AugmentSettings

PLAIN = AugmentSettings(flip=0, color=0, gray=0, blur=0)
RED, GREEN = (np.full((80, 120, 3), color, np.uint8) for color in ((255, 0, 0), (0, 255, 0)))
NOISE = np.random.default_rng(0).integers(0, 256, (80, 120, 3), dtype=np.uint8)
SIDE = 64


def maker(augment: AugmentSettings = PLAIN, *, defer_photometric: bool = False, **cpj: Any) -> CopyPasteJitter:
    return CopyPasteJitter(SIDE, CPJSettings.model_validate(cpj), augment, defer_photometric=defer_photometric)


def view(seed: int, augment: AugmentSettings = PLAIN, **cpj: Any) -> View:
    """Red on green."""
    return maker(augment, **cpj)(RED, (10, 20, 70, 60), GREEN, np.random.default_rng(seed))


def inside(box: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    x1, y1, x2, y2 = box.astype(int)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[y1:y2, x1:x2] = True
    return mask


def test_the_proposal_fills_the_pasted_box_and_nothing_else() -> None:
    for seed in range(24):
        made, mask = view(seed), inside(view(seed).pasted)
        assert (made.image[mask] == (255, 0, 0)).all()
        assert (made.image[~mask] == (0, 255, 0)).all()


def test_the_pasted_box_holds_exactly_the_pixels_of_the_proposal() -> None:
    """Without crop, stretching, flip and color: whatever surrounds the box in its image is not there."""
    whole = {"foreground_area": (1, 1), "foreground_ratio": (0.01, 100), "size": (1, 1), "background": "resize"}
    for x, y in ((0, 0), (17, 9), (120 - SIDE, 80 - SIDE)):
        made = maker(**whole)(NOISE, (x, y, x + SIDE, y + SIDE), GREEN, np.random.default_rng(0))
        assert made.pasted.tolist() == [0, 0, SIDE, SIDE]
        assert np.array_equal(made.image, NOISE[y : y + SIDE, x : x + SIDE])


def test_fractions_of_a_box_are_rounded_and_the_images_are_left_alone() -> None:
    image, background = NOISE.copy(), GREEN.copy()
    one = maker()(image, (9.6, 20.4, 70.4, 59.6), background, np.random.default_rng(3))
    other = maker()(image, [10, 20, 70, 60], background, np.random.default_rng(3))
    assert np.array_equal(one.image, other.image)
    assert np.array_equal(image, NOISE)
    assert np.array_equal(background, GREEN)


def test_the_same_random_numbers_give_the_same_view() -> None:
    default = CopyPasteJitter(SIDE)
    one, two, other = (default(NOISE, (10, 20, 70, 60), GREEN, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(one.image, two.image)
    assert np.array_equal(one.box, two.box)
    assert np.array_equal(one.pasted, two.pasted)
    assert not np.array_equal(one.image, other.image)


def test_sides_and_places_cover_their_ranges() -> None:
    pasted = np.array([view(seed).pasted for seed in range(600)])
    sides = pasted[:, 2:] - pasted[:, :2]
    assert sides.min() == 32  # half of the canvas
    assert sides.max() == 63  # the range is half-open
    assert np.abs(sides.mean(axis=0) - 47.5).max() < 1.5
    assert abs(np.corrcoef(sides.T)[0, 1]) < 0.12  # each side for itself: free aspect ratio
    assert pasted[:, :2].min(axis=0).tolist() == [0, 0]
    assert pasted[:, 2:].max(axis=0).tolist() == [64, 64]  # the last position is used too, in both directions
    share = (pasted[:, :2] / np.maximum(SIDE - sides, 1)).mean(axis=0)
    assert np.abs(share - 0.5).max() < 0.05  # any position is as likely


@pytest.mark.parametrize("settings", [{}, {"jitter": 0.6, "min_iou": 0.5}, {"size": (0.9, 1.0), "min_iou": 0.8}])
def test_the_jittered_box_overlaps_the_pasted_one_after_clipping(settings: dict[str, Any]) -> None:
    """The rule holds for the very box that the network pools from, which lies inside the canvas."""
    views = [view(seed, **settings) for seed in range(300)]
    jittered = np.array([made.box for made in views])
    overlaps = boxes.iou(jittered, [made.pasted for made in views])
    assert overlaps.min() > settings.get("min_iou", 0.6)
    assert overlaps.mean() < 0.97  # it does move
    assert jittered.min() >= 0
    assert jittered.max() <= SIDE


def test_without_jitter_or_luck_the_box_is_the_pasted_one() -> None:
    assert all(np.array_equal(made.box, made.pasted) for made in (view(seed, jitter=0) for seed in range(5)))
    luckless = [view(seed, jitter=0.9, min_iou=0.99, max_tries=1) for seed in range(20)]
    assert all(np.array_equal(made.box, made.pasted) for made in luckless)


def test_keeping_the_aspect_ratio() -> None:
    keep = {"aspect": "keep", "foreground_area": (1, 1), "foreground_ratio": (0.01, 100), "min_side": 1}
    for seed, (width, height) in enumerate([(60, 40), (40, 60), (100, 20), (17, 80)]):
        pasted = maker(**keep)(RED, (0, 0, width, height), GREEN, np.random.default_rng(seed)).pasted
        w, h = pasted[2:] - pasted[:2]
        # Within what rounding both sides to whole pixels can do.
        assert abs(w / h - width / height) <= (width / height) * (0.5 / w + 0.5 / h) * 1.5


def test_the_shortest_side() -> None:
    sides = np.concatenate([np.diff(view(seed, size=(0.01, 1), min_side=20).pasted[[0, 2]]) for seed in range(100)])
    assert sides.min() == 20
    for least in (SIDE, 500):  # a canvas that leaves no room for it: the background stays visible
        x1, y1, x2, y2 = view(0, size=(0.01, 0.02), min_side=least).pasted
        assert (x2 - x1, y2 - y1) == (SIDE // 2, SIDE // 2)


def test_composite_colors_have_no_seam() -> None:
    """Gray on the composite turns both parts gray; apart, one may stay colored."""
    gray = AugmentSettings(flip=0, color=0, gray=0.5, blur=0)

    def colorful_parts(made: View) -> tuple[bool, bool]:
        mask, colorful = inside(made.pasted), np.ptp(made.image.astype(int), axis=2) > 30
        return bool(colorful[mask].any()), bool(colorful[~mask].any())

    together = {colorful_parts(view(seed, gray, photometric="composite")) for seed in range(40)}
    apart = {colorful_parts(view(seed, gray)) for seed in range(40)}
    assert together == {(True, True), (False, False)}
    assert apart == {(True, True), (False, False), (True, False), (False, True)}


def test_background_squeezed_whole() -> None:
    """With background=resize all of the background is there: its left half white, its right half black."""
    halves = np.zeros((60, 200, 3), np.uint8)
    halves[:, :100] = 255
    canvas = maker(background="resize").draw_background(LazyImage.from_array(halves), np.random.default_rng(0))
    assert canvas.shape == (SIDE, SIDE, 3)
    assert (canvas[:, :31] > 250).all()
    assert (canvas[:, 33:] < 5).all()


def test_flips_mirror_what_is_drawn() -> None:
    always, never = (maker(PLAIN.model_copy(update={"flip": share})) for share in (1.0, 0.0))
    flipped, plain = (
        one.draw_background(LazyImage.from_array(NOISE), np.random.default_rng(1)) for one in (always, never)
    )
    assert np.array_equal(flipped, plain[:, ::-1])


def test_colors_left_to_the_device_are_told_and_not_applied() -> None:
    """The geometry is that of the same draws with colors; what was drawn stands in ``changes``."""
    gray = AugmentSettings(flip=0.5, color=1, gray=1, blur=1)
    for kind in ("separate", "composite"):
        colored, deferred = (
            maker(gray, defer_photometric=defers, photometric=kind)(
                RED, (10, 20, 70, 60), GREEN, np.random.default_rng(2)
            )
            for defers in (False, True)
        )
        assert colored.changes is None
        assert deferred.changes is not None
        assert deferred.changes.shape == (2, 10)
        assert np.array_equal(deferred.changes[0], deferred.changes[1]) == (kind == "composite")
        assert np.array_equal(colored.box, deferred.box)
        mask = inside(deferred.pasted)
        assert (deferred.image[mask] == (255, 0, 0)).all()
        assert (deferred.image[~mask] == (0, 255, 0)).all()


@pytest.mark.parametrize(
    ("image", "box", "background", "message"),
    [
        (RED.astype(np.float32), (0, 0, 9, 9), GREEN, "the image is float32 of shape (80, 120, 3)"),
        (RED[..., 0], (0, 0, 9, 9), GREEN, "the image is uint8 of shape (80, 120)"),
        (RED, (0, 0, 9, 9), np.zeros((5, 5, 4), np.uint8), "the background is uint8 of shape (5, 5, 4)"),
        (RED, (0, 0, 9, 9), np.zeros((0, 5, 3), np.uint8), "the background is uint8 of shape (0, 5, 3)"),
        (RED, (5, 5, 5, 9), GREEN, "the box [5, 5, 5, 9] is empty"),
        (RED, (5, 5, 121, 9), GREEN, "not inside the 120 x 80 image"),
        (RED, (-1, 5, 20, 9), GREEN, "not inside the 120 x 80 image"),
    ],
)
def test_what_is_no_image_or_no_box_of_it_is_refused(image: Any, box: Any, background: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        maker()(image, box, background, np.random.default_rng(0))
    assert message in str(caught.value)
    assert len(caught.value.lines()) == 3


def test_what_a_maker_was_made_with_cannot_be_changed() -> None:
    """Its numbers go to compiled code, which would write outside a canvas of another size."""
    made = maker()
    assert (made.canvas, made.augment, made.settings) == (SIDE, PLAIN, CPJSettings())
    for name in ("canvas", "augment", "settings"):
        with pytest.raises(AttributeError):
            setattr(made, name, 32)
