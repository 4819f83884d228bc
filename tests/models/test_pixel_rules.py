"""Bands, ranges and missing values as settings: what is refused, filled in, written and kept by a resumed run."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from codo.models.pixel_rules import PixelRules, PixelSettings


@pytest.mark.parametrize("wrong", [(5, 5), (9, 1), (0, float("inf")), (float("nan"), 1)])
def test_a_range_rises(wrong: tuple[float, float]) -> None:
    with pytest.raises(ValidationError, match="two finite numbers"):
        PixelSettings(value_range=wrong)


@pytest.mark.parametrize("wrong", [(1, 2), (0, 1, 2), (), (1, 2, 3, 4), (-1,)])
def test_bands_are_three_or_one_from_1(wrong: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError, match="three bands, or one, counted from 1"):
        PixelSettings(bands=wrong)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_missing_value_is_a_number(wrong: float) -> None:
    with pytest.raises(ValidationError, match="NaN and infinities are missing anyway"):
        PixelSettings(nodata=wrong)


def test_other_words_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"write \[LOW, HIGH\], minmax or percentile") as caught:
        PixelSettings.model_validate({"value_range": "percentiles"})
    assert caught.value.error_count() == 1


def test_bands_of_a_file() -> None:
    assert [PixelRules().of(count) for count in (1, 2, 3, 5)] == [(1,), (1,), (1, 2, 3), (1, 2, 3)]
    assert PixelRules(bands=(4,)).of(5) == (4,)


def test_what_is_open_is_filled_in() -> None:
    own, other = PixelSettings(bands=(3, 2, 1)), PixelSettings(bands=(1, 2, 3), value_range="percentile")
    assert own.filled_from(other).pixel_rules == PixelRules("percentile", (3, 2, 1))
    assert own.filled_from(None) == own
    assert PixelSettings().pixel_settings is None
    assert own.pixel_settings == own


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, ""),
        ({"bands": [3, 2, 1], "value_range": [0, 3000.5]}, "bands=[3,2,1] value_range=[0,3000.5]"),
        ({"value_range": "minmax", "nodata": -9999}, "value_range=minmax nodata=-9999"),
        ({"nodata": -3.4028234663852886e38}, "nodata=-3.4028234663852886e+38"),
        ({"value_range": [0.1, 12345678901]}, "value_range=[0.1,12345678901.0]"),
    ],
)
def test_as_text(values: dict[str, Any], text: str) -> None:
    settings = PixelSettings.among({"propose": True, **values})
    assert str(settings.pixel_rules) == text
