"""The choices of a view: compiled as in Python, and each setting does what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from codo.core.rng import generator
from codo.views.cpj import CopyPasteJitter, CPJSettings
from codo.views.kernels import philox
from codo.views.kernels.color import IS_GRAY, SIGMA
from codo.views.photometric import AugmentSettings
from codo.views.view_choices import BackgroundChoices, ProposalChoices, Ranges, draw_view

INSLOC = {
    "aspect": "keep",
    "background": "resize",
    "photometric": "composite",
    "jitter": 0,
    "foreground_ratio": (0.5, 2),
}


def ranges(canvas: int = 96, augment: dict[str, Any] | None = None, **cpj: Any) -> Ranges:
    made = CopyPasteJitter(canvas, CPJSettings.model_validate(cpj), AugmentSettings.model_validate(augment or {}))
    return made._ranges


def choices(given: Ranges, sample: int) -> tuple[BackgroundChoices, ProposalChoices]:
    return draw_view(120, 90, 50, 30, given, philox.start(0, 0, sample, 16))


@pytest.mark.parametrize(
    ("canvas", "augment", "cpj"),
    [
        (224, {}, {}),
        (64, {"blur": 0, "flip": 1}, {"size_band": (0.4, 1.0), "min_side": 16, "jitter": 0.35, "min_iou": 0.5}),
        (96, {"blur_unit": "canvas", "color": 1, "gray": 0.5}, {"min_iou": 0.95, "max_tries": 3}),
        (128, {"hue": 0, "brightness": 2}, INSLOC),
    ],
)
def test_compiled_choices_are_those_of_numpys_generator(canvas: int, augment: dict[str, Any], cpj: Any) -> None:
    given = ranges(canvas, augment, **cpj)
    for sample in range(200):
        size, key = (40 + sample, 300 - sample, 17 + sample % 50, 9), (1, 2, sample, 16)
        for one, other in zip(
            draw_view(*size, given, philox.start(*key)), draw_view(*size, given, generator(*key)), strict=True
        ):
            for compiled, plain in zip(one, other, strict=True):
                np.testing.assert_array_equal(compiled, plain)
                assert np.asarray(compiled).dtype == np.asarray(plain).dtype


def test_a_whole_background_and_a_crop() -> None:
    whole, cropped = ([choices(ranges(background=how), i)[0].part for i in range(40)] for how in ("resize", "crop"))
    assert set(whole) == {(0, 0, 120, 90)}
    assert len(set(cropped)) > 30
    assert all(0 <= x1 < x2 <= 120 and 0 <= y1 < y2 <= 90 for x1, y1, x2, y2 in cropped)


def test_color_and_blur_of_parts_or_of_the_composite() -> None:
    always = {"color": 1, "gray": 1, "blur": 1}
    for behind, chosen in (choices(ranges(augment=always), i) for i in range(20)):
        assert behind.change[SIGMA] > 0
        assert chosen.change[IS_GRAY] == 1
        assert not np.array_equal(behind.change, chosen.change)
        assert chosen.whole[SIGMA] == 0
    for behind, chosen in (choices(ranges(augment=always, photometric="composite"), i) for i in range(20)):
        assert behind.change[SIGMA] == chosen.change[SIGMA] == 0
        assert chosen.whole[SIGMA] > 0


def test_the_pasted_box_keeps_the_crops_aspect_or_not() -> None:
    for keep in (True, False):
        given = ranges(512, min_side=1, aspect="keep" if keep else "free", foreground_ratio=(0.5, 2.0))
        apart = []
        for i in range(60):
            _, chosen = choices(given, i)
            (a, b, c, d), (x1, y1, x2, y2) = chosen.crop, chosen.corners
            apart.append(abs(np.log((x2 - x1) / (y2 - y1) * (d - b) / (c - a))))
        assert bool(max(apart) < 0.02) is keep


def test_the_boxes_are_those_of_the_corners() -> None:
    for jitter in (0.0, 0.2):
        for i in range(20):
            _, chosen = choices(ranges(jitter=jitter), i)
            assert chosen.pasted.tolist() == list(chosen.corners)
            assert np.array_equal(chosen.box, chosen.pasted) is (jitter == 0)


def test_golden_choices() -> None:
    """A change here changes every run: raise the version as the changelog says, and say so there."""
    behind, chosen = draw_view(500, 375, 200, 150, ranges(224), philox.start(0, 3, 7, 16))
    assert (behind.part, behind.flip) == ((93, 15, 493, 370), True)
    assert (chosen.crop, chosen.corners, chosen.flip) == ((67, 48, 161, 132), (5, 30, 122, 190), False)
    expected = [0, 3, 1, 2, 0.89765418, 0.08308926, 0.75049233, 1.33056394, 0, 0]
    np.testing.assert_allclose(behind.change, expected, atol=1e-8)
    expected = [0, 3, 1, 2, 1.13988697, -0.06190621, 1.20042002, 1.12598663, 1, 0.62553565]
    np.testing.assert_allclose(chosen.change, expected, atol=1e-8)
    np.testing.assert_allclose(chosen.box, [17.319176, 25.915297, 156.84955, 185.94725], rtol=1e-7)
    behind, chosen = draw_view(500, 375, 200, 150, ranges(128, **INSLOC), philox.start(5, 0, 1, 17))
    assert (chosen.crop, chosen.corners) == ((16, 29, 115, 136), (53, 39, 125, 117))
    expected = [1, 3, 0, 2, 0.90486233, 0.02985474, 1.22974634, 1.10045948, 0, 0.11739464]
    np.testing.assert_allclose(chosen.whole, expected, atol=1e-8)
