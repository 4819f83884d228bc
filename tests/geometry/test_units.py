"""Boxes in another format or unit are refused with the settings that read them; right ones and given ones are not."""

from __future__ import annotations

import numpy as np
import pytest

from codo.core.errors import InputError
from codo.geometry.boxes import Convention
from codo.geometry.units import check_units
from tests.geometry.test_boxes import ALL, SIZES, TRUE, written

NO_AREA = np.full(3, np.nan)
OUTLINES = [[[x, y, x + w, y, x + w, y + h, x, y + h]] for x, y, w, h in TRUE.tolist()]


@pytest.mark.parametrize("convention", ALL, ids=str)
def test_outlines_tell_and_the_settings_read(convention: Convention) -> None:
    boxes = written(convention)
    if convention == Convention():
        assert check_units("a.json", boxes, SIZES, OUTLINES, NO_AREA, convention) == ""
        return
    with pytest.raises(
        InputError, match="the boxes are not x, y, width, height in pixels: 100% of the boxes"
    ) as caught:
        check_units("a.json", boxes, SIZES, OUTLINES, NO_AREA, Convention())
    assert convention.settings() in caught.value.fix
    assert check_units("a.json", boxes, SIZES, OUTLINES, NO_AREA, convention) == ""


def test_outlines_in_the_same_unit_do_not_hide_shares() -> None:
    boxes = written(Convention("xywh", "relative"))
    outlines = [[[x, y, x + w, y, x + w, y + h]] for x, y, w, h in boxes.tolist()]
    with pytest.raises(InputError, match="3 of 3 boxes lie within one pixel") as caught:
        check_units("a.json", boxes, SIZES, outlines, NO_AREA, Convention())
    assert "data.box_unit=relative" in caught.value.fix


def test_another_scale_names_the_factor() -> None:
    with pytest.raises(InputError, match="only if they are multiplied by 2") as caught:
        check_units("a.json", TRUE / 2, SIZES, OUTLINES, NO_AREA, Convention())
    assert "resize" in caught.value.fix


def test_a_part_that_differs_is_told() -> None:
    boxes, outlines = np.tile(TRUE, (4, 1)), OUTLINES * 4
    boxes[[0, 3, 6]] += [9, 9, -18, -18]
    message = check_units("a.json", boxes, np.tile(SIZES, (4, 1)), outlines, np.tile(NO_AREA, 4), Convention())
    assert message == "a.json: 25% of 12 boxes differ by more than 2 pixels from the extent of their outlines"


def test_boxes_without_outlines_are_judged_by_their_numbers() -> None:
    with pytest.raises(InputError, match="within one pixel"):
        check_units("a.json", written(Convention("xyxy", "relative")), SIZES, [None] * 3, NO_AREA, Convention())
    assert check_units("a.json", TRUE, SIZES, [None] * 3, NO_AREA, Convention()) == ""
