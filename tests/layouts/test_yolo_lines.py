"""Columns and encodings of label files."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.annotations.source import read_annotations
from codo.core.errors import InputError
from codo.layouts.yolo_lines import read_label_file, split_columns
from tests.annotations.layouts import settings
from tests.annotations.yolo.conftest import RefusesLines

COLUMNS = ["0", "0.5", ".5", "0.2", "1"]


@pytest.mark.parametrize(
    "line",
    [
        "0 0.5 .5 0.2 1",
        "0\t0.5  .5\t0.2 1 ",
        "0,0.5,.5,0.2,1",
        "0, 0.5, .5, 0.2, 1",
        "0 , 0.5 , .5 , 0.2 , 1 ,",
        "0 0.5,.5,0.2,1",
        "0, 0.5 .5 0.2 1",
    ],
)
def test_spaces_and_commas(line: str) -> None:
    assert split_columns(line) == COLUMNS


def test_decimal_commas_are_not_separators(refuses_lines: RefusesLines) -> None:
    assert split_columns("0 0,5 0,5 0,2 0,2") == ["0", "0,5", "0,5", "0,2", "0,2"]
    refuses_lines({"001": "0 0,5 0,5 0,2 0,2"}, "1 line with something other than finite numbers: line 2 of 001.txt")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_marks_commas_and_upper_case_in_a_data_set(yolo: Path, encoding: str) -> None:
    (yolo / "labels/train/000.txt").write_text("1,0.5,0.5,0.25,0.5\r\n", encoding=encoding)
    (yolo / "labels/train/001.txt").unlink()
    (yolo / "labels/train/001.TXT").write_text("0 0.5 0.5 0.25 0.5", encoding=encoding)
    (yolo / "labels/train/002.txt").write_text("", encoding=encoding)
    read = read_annotations(settings(yolo), "train")
    assert read.bbox.tolist() == [[36, 16, 24, 32], [36, 16, 24, 32]]  # of 96 x 64 pixels
    assert read.labels.tolist() == [2, 1]
    assert read.notes == (f"{yolo / 'data.yaml'}: commas separate the columns of 1 label files",)


def test_what_is_no_text(tmp_path: Path) -> None:
    assert read_label_file(tmp_path / "none.txt") is None
    (tmp_path / "a.txt").write_bytes(b"0 0.5 \xe9")
    with pytest.raises(InputError, match="cannot read a label file"):
        read_label_file(tmp_path / "a.txt")
