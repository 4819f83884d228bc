"""Names, keys and the fingerprint of a listing."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from codo.catalog.reading import Location
from codo.sources.listing import Member, build_listing, clean_key, extension, is_hidden
from tests.catalog.pictures import jpeg, jpegs, write_folder
from tests.sources.listings import keys, listed


def test_files_without_an_extension_may_be_images(tmp_path: Path) -> None:
    assert keys(listed(write_folder(tmp_path, {"0a1b2c": jpeg(1), "README": b"x"}))) == ["0a1b2c", "README"]


def test_names_that_are_not_unicode_are_rejected_by_name(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/caf\xe9.jpg", "wb") as file:
        file.write(jpeg(1))
    write_folder(tmp_path, {"café.jpg": jpeg(2)})
    listing = listed(tmp_path)
    problems = {member.key: member.problem for member in listing.members}
    assert problems == {"café.jpg": "", r"caf\xe9.jpg": "unreadable: the file name is not UTF-8"}


def test_the_fingerprint_changes_with_the_source(tmp_path: Path) -> None:
    write_folder(tmp_path, jpegs(3))
    before = listed(tmp_path).fingerprint()
    assert listed(tmp_path).fingerprint() == before
    os.utime(tmp_path / "001.jpg", ns=(0, 1_000_000))
    touched = listed(tmp_path).fingerprint()
    (tmp_path / "002.jpg").unlink()
    assert len({before, touched, listed(tmp_path).fingerprint()}) == 3


def test_names_become_keys() -> None:
    assert [clean_key(name) for name in ("./a/./b.jpg", "/a//b.jpg", "s3://c/a.jpg", "a\\b.jpg")] == [
        "a/b.jpg",
        "a/b.jpg",
        "c/a.jpg",
        "a/b.jpg",
    ]
    assert [extension(key) for key in ("a/B.JPG", "a.b/c", ".jpg", "x.tar.gz")] == [".jpg", "", "", ".gz"]
    assert [is_hidden(key) for key in ("a/.b/c.jpg", "__MACOSX/a.jpg", "@EADIR/a.jpg", "thumbs.db")] == [True] * 4
    assert [is_hidden(key) for key in ("../a.jpg", "a.b/c.jpg", "@home/a.jpg", "./a.jpg")] == [False] * 4


def test_a_key_that_is_taken_gets_the_name_of_its_origin_and_then_a_number() -> None:
    places = ["/x/a/1.jpg", "/y/a/1.jpg", "/z/a/1.jpg", "/x/a/1.jpg"]
    listing = build_listing([Member("1.jpg", Location(place)) for place in places], Counter(), "")
    assert [member.key for member in listing.members] == ["1.jpg", "a/1.jpg", "a/1.jpg~2"]
    assert listing.repeated == 1
