"""The one parser of text files, VOC image sets and COCO annotations that list images."""

from __future__ import annotations

import pytest

from codo.core.errors import InputError
from codo.sources.image_lists import file_name, parse_coco, parse_image_set, parse_json, parse_lines


def test_lines_without_comments_and_empty_ones_keep_their_numbers() -> None:
    lines = parse_lines("\ufeff# cats\n\n  a b.jpg \r\nc.jpg".encode(), "list.txt")
    assert lines == [(3, "a b.jpg"), (4, "c.jpg")]
    with pytest.raises(InputError, match="not a text file") as caught:
        parse_lines(b"caf\xe9.jpg", "list.txt")
    assert caught.value.where == "list.txt"


def test_rows_of_image_sets() -> None:
    """A set of a split has names alone; one of a class says who shows it: 1 and 0 (difficult) do, -1 does not."""
    rows = parse_image_set(b"000005\n2008_000002  1\n000007 -1\n\n000009  0\n", "cat_train.txt")
    assert rows == [("000005", ""), ("2008_000002", "1"), ("000007", "-1"), ("000009", "0")]
    assert [row.is_negative for row in rows] == [False, False, True, False]


def names(lines: str, *existing: str) -> list[tuple[str, str]]:
    return [tuple(row) for row in parse_image_set(lines.encode(), "train.txt", set(existing).__contains__)]


def test_names_with_spaces_are_not_cut() -> None:
    lines = "img (1)\nimg  (1)\nimg 1\nimg (1)  1\nimg 1 -1\nimg -1\n"
    there = ("img", "img (1)", "img  (1)", "img 1")
    expected = [("img (1)", ""), ("img  (1)", ""), ("img 1", ""), ("img (1)", "1"), ("img 1", "-1"), ("img", "-1")]
    assert names(lines, *there) == expected
    assert names("img 1\nimg 2\n", "img") == [("img", "1"), ("img 2", "")]  # labels are 1, -1 and 0


def test_names_may_be_quoted_and_have_an_extension() -> None:
    lines = '"img (1)"\n\'a b\' -1\nc.JPG 0\nd.v2\n"q"\n'
    expected = [("img (1)", ""), ("a b", "-1"), ("c", "0"), ("d.v2", ""), ('"q"', "")]
    assert names(lines, "img (1)", "a b", "c", "d.v2", '"q"', "q") == expected
    assert names("'a b.jpg'\n") == [("a b.jpg", "")]  # no such file: as it is in the list


def test_lists_in_utf16_as_windows_writes_them() -> None:
    assert parse_lines("a 1.jpg\n'b 2.jpg'\n".encode("utf-16"), "list.txt") == [(1, "a 1.jpg"), (2, "b 2.jpg")]
    assert parse_image_set("000005 -1\n".encode("utf-16"), "set.txt") == [("000005", "-1")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"images": [', "broken JSON: .* at line 1, column 13"),
        (b"\xff\xfe\xfa", "not a JSON text file"),
        (b"[" * 100_000, "not a JSON text file"),
        (b"[]", "a JSON list, as result files are"),
        (b"3", "not a COCO annotation file"),
        (b'{"images": {}}', "'images' is missing or not a list"),
        (b"{}", "'images' is missing or not a list"),
    ],
)
def test_what_is_no_coco_annotation_file(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_coco(data, "a.json")
    assert caught.value.where == "a.json"
    assert len(caught.value.lines()) == 3


def test_a_json_list_is_json() -> None:
    assert parse_json(b"[1, 2]", "results.json") == [1, 2]


def test_names_of_images_of_coco_and_lvis() -> None:
    url = "http://images.cocodataset.org/train2017/000000391895.jpg"
    assert file_name({"file_name": "a/b.jpg", "coco_url": url}) == "a/b.jpg"
    assert file_name({"coco_url": url}) == "train2017/000000391895.jpg"
    assert file_name({"id": 3}) is None
    assert file_name({"file_name": 3}) == 3  # refused where it is used: types are checked there


def test_numbers_and_brackets_that_python_does_not_read() -> None:
    for data in (b"9" * 5000, b"[" * 200_000):
        with pytest.raises(InputError, match="not a JSON text file"):
            parse_json(data, "a.json")
