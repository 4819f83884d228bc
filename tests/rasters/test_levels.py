"""Black, white and missing values of bands, by hand; windows find what the whole image does."""

from __future__ import annotations

import math

import numpy as np
import pytest

from codo.models.pixel_rules import PixelRules
from codo.rasters.levels import Depth, Level, Measurement, apply, measure

MINMAX, PERCENTILE = PixelRules("minmax"), PixelRules("percentile")


def image(*planes: object, kind: type = np.int16) -> np.ndarray:
    return np.dstack([np.array(plane, dtype=kind) for plane in planes])


def plain(levels: tuple[Level, ...]) -> list[tuple[float, float]]:
    return [(level.black, level.white) for level in levels]


def test_every_band_by_itself() -> None:
    values = image([[0, 10]], [[-5, 5]], [[100, 300]])
    levels, depth = measure(values, MINMAX, None)
    assert plain(levels) == [(0, 10), (-5, 5), (100, 300)]
    assert depth == Depth(-5, 300, 0, 1)
    assert apply(values, levels).tolist() == [[[0, 0, 0], [255, 255, 255]]]
    assert plain(measure(image([[7, 7]]), MINMAX, None)[0]) == [(7, 8)]


def test_percentiles_leave_outliers_out() -> None:
    values = np.arange(101, dtype=np.uint16).reshape(1, 101, 1) * 10
    values[0, -1] = 65535
    levels, depth = measure(values, PERCENTILE, None)
    assert plain(levels) == [(20, 980)]
    assert depth == Depth(0, 65535, 0, 65535 / 960)
    colors = apply(values, levels)[0, :, 0]
    assert colors[:3].tolist() == [0, 0, 0]
    assert colors[-4:].tolist() == [252, 255, 255, 255]


def test_percentiles_on_a_grid_are_near_those_of_all() -> None:
    values = np.random.default_rng(0).normal(500, 100, (2100, 2000, 1)).astype(np.float32)
    ((black, white, _),) = measure(values, PERCENTILE, None)[0]
    assert (black, white) == pytest.approx(np.percentile(values, (2, 98)), abs=2)


@pytest.mark.parametrize(
    "rules", [PixelRules(), MINMAX, PERCENTILE, PixelRules((100, 900)), PixelRules("minmax", nodata=7)]
)
@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.float32])
def test_windows_find_what_the_whole_image_does(rules: PixelRules, kind: type) -> None:
    values = np.random.default_rng(1).integers(5, 4000, (1500, 1400, 2)).astype(kind)
    values[:200] = -9999 if kind is not np.uint16 else 5
    parts = Measurement(rules, None, 1400, 1500)
    for y in range(0, 1500, 333):
        for x in range(0, 1400, 410):
            parts.add(values[y : y + 333, x : x + 410], x, y)
    assert repr(parts.result()) == repr(measure(values, rules, None))


def test_missing_values() -> None:
    values = image([[-9999, 3, 5]], [[4, -9999, 6]], [[-9999, 9, 9]])
    levels, _ = measure(values, MINMAX, None)
    assert [level.missing for level in levels] == [-9999, -9999, -9999]  # the usual one, as the smallest
    assert plain(levels) == [(3, 5), (4, 6), (9, 10)]
    assert [level.missing for level in measure(values, MINMAX, 5)[0]] == [5, 5, 5]  # the declared one
    assert [level.missing for level in measure(values, PixelRules("minmax", nodata=9), 5)[0]] == [
        9,
        9,
        9,
    ]  # the setting
    assert all(math.isnan(level.missing) for level in measure(image([[1, 2]]), MINMAX, None)[0])
    assert plain(measure(image([[-9999, -9999]]), MINMAX, None)[0]) == [(0, 1)]
    assert plain(measure(image([[np.nan, np.inf]], kind=np.float32), MINMAX, None)[0]) == [(0, 1)]


@pytest.mark.parametrize("missing", [0.1, 3.40282346638529e38, -3.40282346638529e38])
def test_a_missing_value_as_the_type_of_the_pixels_has_it(missing: float) -> None:
    """Text has more digits than 32 bits, or fewer."""
    values = image([[missing, 3, 5]], kind=np.float32)
    levels, depth = measure(values, MINMAX, missing)
    assert (plain(levels), depth[:2]) == ([(3, 5)], (3, 5))
    assert apply(values, levels, inverted=True)[0, :, 0].tolist() == [0, 255, 0]


def test_a_pixel_is_missing_where_all_its_bands_are() -> None:
    """A saturated red is no missing pixel, though its value is the missing one."""
    values = image([[255, 255]], [[255, 0]], [[255, 0]], kind=np.uint8)
    levels = (Level(0, 255, 255),) * 3
    assert apply(values, levels).tolist() == [[[0, 0, 0], [255, 0, 0]]]
    assert apply(values, (Level(0, 255),) * 3, empty=np.array([[False, True]])).tolist() == [[[255] * 3, [0] * 3]]


def test_inverted() -> None:
    values = image([[0, 51, np.nan]], kind=np.float32)
    assert apply(values, (Level(0, 255),), inverted=True)[0, :, 1].tolist() == [255, 204, 0]
