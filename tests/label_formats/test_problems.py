"""Invalid entries are collected; the first and their number are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.core.errors import InputError
from codo.label_formats.problems import Problems, class_name, finite, parsed, read_json, read_lines


def test_entries_that_are_wrong_in_the_same_way_are_counted() -> None:
    problems = Problems("shape")
    problems.refuse()
    problems.add("without points", "add them", Path("x/a.json"), 3, "points None")
    problems.add("of another kind", "remove it", Path("x/a.json"), 4)
    problems.add("without points", "add them", Path("x/b.json"), 1, "points []")
    with pytest.raises(InputError) as caught:
        problems.refuse()
    assert caught.value.what == "2 shapes without points; the first: shape 3 of a.json (points None)"
    assert (caught.value.where, caught.value.fix) == ("x/a.json", "add them")


def test_numbers() -> None:
    assert finite([1, 2.5]) == [1.0, 2.5]
    assert parsed(["1", " 2.5"]) == [1.0, 2.5]
    for wrong in ([True], ["1"], [None], [float("nan")], [float("inf")]):
        assert finite(wrong) is None
    assert parsed(["1", "x"]) is None
    assert parsed(["nan"]) is None


def test_classes_are_texts_or_numbers() -> None:
    assert [class_name(v) for v in (" cat ", 3, 2.5)] == ["cat", "3", "2.5"]
    assert [class_name(v) for v in (None, True, [], {})] == [""] * 4


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for encoding in ("utf-8-sig", "utf-16"):
        path.write_text('{"é": 1}', encoding=encoding)
        assert read_json(path) == {"é": 1}
        assert read_lines(path) == ['{"é": 1}']
    path.write_bytes(b"\xff\x80")
    for read in (read_json, read_lines):
        with pytest.raises(InputError, match="cannot read a label file"):
            read(path)
        with pytest.raises(InputError, match="cannot read a label file: No such file"):
            read(tmp_path / "none")
