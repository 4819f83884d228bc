"""Outlines: storage, the string form of RLE, drawing at another size."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from codo.geometry.segmentations import Segmentations, describe_error, draw, encode, run_lengths

MASKS = arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 30)), elements=st.integers(0, 1))


def test_rows_come_back_as_they_were() -> None:
    rows = [[[1.25, 2, 3, 4, 5, 6]], None, {"size": [2, 3], "counts": "06"}, {"size": [2, 3], "counts": [0, 6]}]
    packed = Segmentations(rows)
    assert [packed[i] for i in range(len(packed))] == rows
    assert packed.present.tolist() == [True, False, True, True]


def test_no_rows() -> None:
    assert len(Segmentations([])) == 0


@given(MASKS)
def test_run_lengths_agree_with_those_of_the_mask(mask: np.ndarray) -> None:
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff([0, *edges, len(flat)])
    expected = runs if flat[0] == 0 else [0, *runs]
    assert run_lengths(encode(mask)["counts"]).tolist() == list(expected)


def test_run_lengths_of_large_counts() -> None:
    # Counts beyond five bits take several characters, and falling ones are written as negative differences.
    mask = np.zeros((900, 1200), np.uint8)
    mask[10:800, 5] = 1
    mask[0:3, 900] = 1
    runs = run_lengths(encode(mask)["counts"])
    assert runs.tolist() == [5 * 900 + 10, 790, 100 + 894 * 900, 3, 897 + 299 * 900]


@pytest.mark.parametrize("counts", ["", "é", "o", "\x00", "o" * 40])
def test_what_is_no_code_has_no_run_lengths(counts: str) -> None:
    assert len(run_lengths(counts)) == 0
    assert describe_error({"size": [4, 4], "counts": counts}, 4, 4)


@given(MASKS)
def test_masks_survive_encoding(mask: np.ndarray) -> None:
    code = encode(mask)
    assert describe_error(code, *mask.shape) == ""
    np.testing.assert_array_equal(draw(code, *mask.shape), mask)


def test_outlines_far_out_of_the_image_are_refused() -> None:
    """The sum of the numbers is small, their extent is not."""
    assert "out of it" in describe_error([[1e9, 0.0, -1e9, 0.0, 5.0, 5.0]], 40, 30)
    assert describe_error([[-20.0, 0.0, 60.0, 0.0, 5.0, 5.0]], 40, 30) == ""


def test_polygons_are_drawn_as_by_pycocotools() -> None:
    polygons = [[2.0, 3.0, 20.0, 3.0, 20.0, 15.0], [22.0, 1.0, 28.0, 1.0, 28.0, 9.0, 22.0, 9.0]]
    expected = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, 20, 30)))
    np.testing.assert_array_equal(draw(polygons, 20, 30), expected)


@pytest.mark.parametrize("kind", ["polygon", "rle"])
def test_a_rectangle_drawn_at_another_size_is_the_scaled_rectangle(kind: str) -> None:
    outline: object = [[4, 6, 16, 6, 16, 18, 4, 18]]
    if kind == "rle":
        mask = np.zeros((24, 20), np.uint8)
        mask[6:18, 4:16] = 1
        outline = encode(mask)
    drawn = draw(outline, 24, 20, to_size=(48, 60))  # twice as high, three times as wide
    expected = np.zeros((48, 60), np.uint8)
    expected[12:36, 12:48] = 1
    np.testing.assert_array_equal(drawn, expected)


def test_an_uncompressed_code_is_drawn() -> None:
    np.testing.assert_array_equal(draw({"size": [2, 3], "counts": [1, 2, 3]}, 2, 3), [[0, 1, 0], [1, 0, 0]])


def test_a_resized_code_takes_the_pixel_behind_a_border_with_any_release_of_opencv() -> None:
    """6 pixels to 4: middles at 0.75, 2.25, 3.75, 5.25. 4 to 2, and 640 to 224 in places: exactly on borders."""
    row = np.array([[1, 0, 1, 0, 0, 1]], np.uint8)
    np.testing.assert_array_equal(draw(encode(row), 1, 6, to_size=(1, 4)), [[1, 1, 0, 1]])
    row = np.array([[0, 1, 1, 0]], np.uint8)
    np.testing.assert_array_equal(draw(encode(row), 1, 4, to_size=(1, 2)), [[1, 0]])
    row = (np.arange(640)[None] % 3 == 0).astype(np.uint8)
    middles = [Fraction(2 * column + 1, 2) * Fraction(640, 224) for column in range(224)]
    assert sum(middle.denominator == 1 for middle in middles) == 32
    expected = [[row[0, math.floor(middle)] for middle in middles]]
    np.testing.assert_array_equal(draw(encode(row), 1, 640, to_size=(1, 224)), expected)
