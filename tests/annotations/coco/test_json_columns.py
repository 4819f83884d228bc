"""Columns of a JSON list with their types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codo.annotations.coco.json_columns import JsonColumns
from codo.core.errors import InputError


def columns(*rows: Any) -> JsonColumns:
    return JsonColumns(list(rows), "images", "image", Path("file.json"))


def test_integers_may_be_written_as_floats_and_have_a_default() -> None:
    table = columns({"n": 3}, {"n": 4.0}, {}, {"n": None})
    assert table.integers("n", default=7).tolist() == [3, 4, 7, 7]
    with pytest.raises(
        InputError, match=r"2 images where 'n' is not an integer; the first: image number 3 \(n missing\)"
    ):
        table.integers("n")


@pytest.mark.parametrize("value", [True, "3", 3.5, -1, 2**63, float("nan")])
def test_what_is_no_integer_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match="is not an integer"):
        columns({"n": value}).integers("n")


def test_messages_name_rows_by_id_once_ids_are_known() -> None:
    table = columns({"id": 5, "name": "a"}, {"id": 8, "name": ""})
    with pytest.raises(InputError, match="image number 2"):
        table.strings("name")
    assert table.identify().tolist() == [5, 8]
    with pytest.raises(InputError, match="where 'name' is empty: image 8"):
        table.strings("name")


def test_numbers_and_boxes_are_finite() -> None:
    np.testing.assert_array_equal(columns({"x": 1}, {}).numbers("x", default=float("nan")), [1, float("nan")])
    assert columns({"b": [1, 2.5, 3, 4]}).boxes("b").tolist() == [[1, 2.5, 3, 4]]
    assert columns().boxes("b").shape == (0, 4)
    for wrong in ([1, 2, 3], [1, 2, 3, True], [1, 2, 3, float("inf")], "1234"):
        with pytest.raises(InputError, match="'b' is not"):
            columns({"b": wrong}).boxes("b")


def test_long_values_are_cut_short_in_messages() -> None:
    with pytest.raises(InputError) as caught:
        columns({"n": "x" * 100}).integers("n")
    assert f"n '{'x' * 56}...)" in caught.value.what


def test_what_is_no_list_of_objects_is_refused() -> None:
    with pytest.raises(InputError, match="'images' is missing or not a list"):
        JsonColumns(None, "images", "image", Path("file.json"))
    with pytest.raises(InputError, match="1 image that is not a JSON object: image number 2"):
        columns({}, 3)
