"""Names as labeling tools write them on other machines find their files; a name that could mean two finds none."""

from __future__ import annotations

import unicodedata

import pytest

from codo.sources.file_names import match_files, readings

FILES = ["train/a b.jpg", "train/x.jpg", "val/x.jpg", "val/y.JPG", "deep/er/z.png", "é.jpg"]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("train/x.jpg", "train/x.jpg"),
        ("train\\x.jpg", "train/x.jpg"),
        ("C:\\Users\\me\\val\\x.jpg", "val/x.jpg"),
        ("/home/me/data/train/x.jpg", "train/x.jpg"),
        ("a%20b.jpg", "train/a b.jpg"),
        ("/data/local-files/?d=up/train/x.jpg", "train/x.jpg"),
        ("/data/local-files/?d=up%2Ftrain%5Cx.jpg", "train/x.jpg"),
        ("http://host:8080/data/upload/3/y.jpg?token=1", "val/y.JPG"),
        ("s3://bucket/deep/er/z.png", "deep/er/z.png"),
        ("y.jpg", "val/y.JPG"),
        ("Y.jpeg", ""),  # another extension is another file
        ("z", "deep/er/z.png"),  # no extension at all
        ("../er/z.png", "deep/er/z.png"),
        ("./train/x.jpg", "train/x.jpg"),
        (unicodedata.normalize("NFD", "é.jpg"), "é.jpg"),
        ("ab.jpg", ""),  # the end of a name is no name
    ],
)
def test_a_name_means_the_file_with_the_longest_common_end(name: str, file: str) -> None:
    matches = match_files([name], FILES)
    assert matches.files == [file]
    assert matches.complete == bool(file)
    assert matches.rivals == {}


def test_two_files_that_fit_equally_are_both_named() -> None:
    matches = match_files(["other/x.jpg", "x.jpg"], FILES)
    assert matches.files == ["", ""]
    assert matches.rivals == {0: ["train/x.jpg", "val/x.jpg"], 1: ["train/x.jpg", "val/x.jpg"]}
    assert match_files(["A.jpg"], ["a.jpg", "A.JPG"]).rivals == {0: ["A.JPG", "a.jpg"]}


def test_two_names_never_share_a_file() -> None:
    assert match_files(["one/a.jpg", "two/a.jpg"], ["a.jpg"]).files == ["", ""]
    assert match_files(["a.jpg", "two/a.jpg"], ["a.jpg"]).files == ["a.jpg", ""]


def test_a_file_whose_name_looks_escaped_is_itself() -> None:
    assert match_files(["a%20b.jpg"], ["a b.jpg", "a%20b.jpg"]).files == ["a%20b.jpg"]
    assert readings("100%.jpg") == ["100%.jpg"]


def test_the_prefix_of_an_upload_to_label_studio_counts_only_where_it_is_there() -> None:
    names = ["/data/upload/1/1f2e3d4c-a.jpg", "/data/upload/1/0a1b2c3d-b.jpg", "deadbeef.jpg"]
    found = match_files(names, ["x/a.jpg", "0a1b2c3d-b.jpg", "b.jpg", "f.jpg"])
    assert found.files == ["x/a.jpg", "0a1b2c3d-b.jpg", ""]
