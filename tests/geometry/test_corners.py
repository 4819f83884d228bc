"""Corners that count from 0 or 1, against boxes by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codo.annotations.source import read_annotations, resolved
from codo.core.config import resolve
from codo.core.errors import InputError
from codo.detection.evaluate import EvaluateSettings
from codo.geometry.corners import Counting
from tests.annotations.layouts import settings
from tests.annotations.refusals import Spoil, replace_in

SIZE = [100, 80]


def boxes(corners: list[list[float]], origin: object = "auto") -> tuple[list[list[float]], str]:
    values = np.array(corners, dtype=np.float64)
    counting = Counting(values, np.array([SIZE] * len(corners), dtype=np.float64), origin)  # type: ignore[arg-type]
    return counting.boxes(values).tolist(), counting.note("voc")


def test_from_1_as_in_voc() -> None:
    assert boxes([[1, 1, 100, 80], [11, 21, 20, 30]]) == ([[0, 0, 100, 80], [10, 20, 10, 10]], "")


def test_a_corner_at_0_shifts_every_box() -> None:
    read, note = boxes([[0, 5, 99, 79], [10, 20, 19, 29]])
    assert read == [[0, 5, 100, 75], [10, 20, 10, 10]]
    assert note == (
        "voc: corners count from 0 (1 of 2 boxes have a corner at 0) and are pixels inside the box; "
        "if they count from 1, set data.voc_origin=1"
    )


@pytest.mark.parametrize("edge", [[0, 0, 100, 80], [0, 0, 40.5, 30]])
def test_corners_from_0_that_are_edges(edge: list[float]) -> None:
    """A pixel counted from 0 never has the number of the width, nor a fraction."""
    read, note = boxes([edge, [10, 20, 20, 30]])
    assert read == [[0, 0, edge[2], edge[3]], [10, 20, 10, 10]]
    assert "and are edges" in note


def test_fractions_alone_do_not_count_from_0() -> None:
    assert boxes([[11.5, 21, 20, 30]]) == ([[10.5, 20, 9.5, 10]], "")


def test_the_setting_decides() -> None:
    assert boxes([[0, 5, 99, 79]], 1) == ([[-1, 4, 100, 75]], "")
    assert boxes([[10, 20, 19, 29]], 0)[0] == [[10, 20, 10, 10]]
    with pytest.raises(InputError, match=r"data\.voc_origin"):
        resolve(EvaluateSettings, None, {"data.folder": "a", "data.voc_origin": 2})


def test_missing_corners_and_sizes_do_not_count() -> None:
    corners = np.array([[np.nan, 1, 5, 5], [1, 1, 5, 5]])
    assert not Counting(corners, np.full((2, 2), np.nan)).from_0


def test_all_splits_of_a_folder_count_alike_and_later_commands_too(spoil: Spoil) -> None:
    """A corner at 0 in one file of val shifts train too: one tool wrote both."""
    data = spoil("voc")
    before = read_annotations(settings(data), "train")
    file = data / "VOC2007/Annotations/val_001.xml"
    start = file.read_text().index("<xmin>") + 6
    replace_in(file, old=file.read_text()[start - 6 : file.read_text().index("</xmin>")], new="<xmin>0")
    train, val = (read_annotations(settings(data), split) for split in ("train", "val"))
    np.testing.assert_array_equal(train.bbox, before.bbox + np.array([1, 1, 0, 0]))
    assert train.notes == val.notes
    assert "1 of 16 boxes have a corner at 0" in train.notes[0]
    explicit = resolved(settings(data), train, val)
    assert explicit.voc_origin == 0
    np.testing.assert_array_equal(read_annotations(explicit, "train").bbox, train.bbox)
    kept = read_annotations(settings(data, voc_origin=1), "train")
    np.testing.assert_array_equal(kept.bbox, before.bbox)
    assert (kept.notes, resolved(settings(Path(data), voc_origin=1), kept, kept).voc_origin) == ((), 1)
