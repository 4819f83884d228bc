"""Links to files and folders, hard links, and circles: a file counts once, whatever its names are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codo.catalog.reading import Location
from codo.sources.folder import image_files
from codo.sources.links import at_one_place, inside_of
from codo.sources.listing import Member
from tests.catalog.pictures import jpeg, write_folder
from tests.preparation.catalogs import quick
from tests.sources.listings import keys, listed, read


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "photos", {"2024/a.jpg": jpeg(1), "2024/b.jpg": jpeg(2)})


def test_a_link_to_a_file_of_the_tree_is_another_name_of_it(photos: Path) -> None:
    (photos / "z.jpg").symlink_to(photos / "2024/a.jpg")
    listing = listed(photos)
    assert (keys(listing), listing.repeated) == (["2024/a.jpg", "2024/b.jpg"], 1)


def test_its_own_name_is_kept_wherever_that_of_the_link_sorts(photos: Path) -> None:
    (photos / "1.jpg").symlink_to(photos / "2024/a.jpg")
    listing = listed(photos)
    assert (keys(listing), listing.repeated) == (["2024/a.jpg", "2024/b.jpg"], 1)
    assert read(listing) == {"2024/a.jpg": jpeg(1), "2024/b.jpg": jpeg(2)}


def test_a_link_stays_where_its_file_is_left_out(photos: Path) -> None:
    write_folder(photos, {"store/c.bin": jpeg(5)})
    (photos / "1.jpg").symlink_to(photos / "store/c.bin")
    listing = listed(photos)
    assert (keys(listing), listing.repeated) == (["2024/a.jpg", "2024/b.jpg", "1.jpg"], 0)
    assert read(listing)["1.jpg"] == jpeg(5)


def test_a_link_to_a_folder_of_the_tree(photos: Path) -> None:
    (photos / "latest").symlink_to("2024")
    (photos / "again").symlink_to("latest")
    listing = listed(photos)
    assert len(keys(listing)) == 2
    assert listing.repeated == 4


def test_hard_links(photos: Path) -> None:
    os.link(photos / "2024/a.jpg", photos / "copy.jpg")
    (photos / "y.jpg").symlink_to(photos / "copy.jpg")
    listing = listed(photos)
    assert (keys(listing), listing.repeated) == (["2024/a.jpg", "2024/b.jpg"], 2)


def test_two_links_to_one_file_elsewhere(photos: Path, tmp_path: Path) -> None:
    write_folder(tmp_path / "elsewhere", {"x.jpg": jpeg(3), "y.jpg": jpeg(4)})
    for name, target in {"p.jpg": "x.jpg", "q.jpg": "x.jpg", "r.jpg": "y.jpg"}.items():
        (photos / name).symlink_to(tmp_path / "elsewhere" / target)
    listing = listed(photos)
    assert keys(listing) == ["2024/a.jpg", "2024/b.jpg", "p.jpg", "r.jpg"]
    assert listing.repeated == 1
    assert listing.members[2].location.uri == str(photos / "p.jpg")  # where the link leads is its own business


def test_near_neighbors_are_kept(photos: Path) -> None:
    """Equal bytes in two files are two files; a hidden original is not listed, so its link is."""
    write_folder(photos, {"same.jpg": jpeg(1), ".store/c.jpg": jpeg(5)})
    (photos / "c.jpg").symlink_to(photos / ".store/c.jpg")
    (photos / "gone.jpg").symlink_to(photos / "nothing.jpg")
    listing = listed(photos)
    assert keys(listing) == ["2024/a.jpg", "2024/b.jpg", "c.jpg", "gone.jpg", "same.jpg"]
    assert listing.repeated == 0


def test_a_tree_named_by_a_link_lists_the_same(photos: Path, tmp_path: Path) -> None:
    (photos / "z.jpg").symlink_to(photos / "2024/a.jpg")
    (tmp_path / "named").symlink_to(photos)
    listing = listed(tmp_path / "named")
    assert (keys(listing), listing.repeated) == (["2024/a.jpg", "2024/b.jpg"], 1)


def test_folders_that_link_to_each_other_end(tmp_path: Path) -> None:
    """Ten of them have 10! ways through each other."""
    for here in range(10):
        write_folder(tmp_path / f"{here}", {"a.jpg": jpeg(here)})
    for here in range(10):
        for there in range(10):
            if here != there:
                (tmp_path / f"{here}" / f"to{there}").symlink_to(tmp_path / f"{there}")
    listing = listed(tmp_path)
    assert keys(listing) == [f"{here}/a.jpg" for here in range(10)]
    assert listing.repeated == 90
    assert len(image_files(tmp_path).paths) == 100  # labels are found by name, so every name counts there


def test_the_summary_tells_it(photos: Path, tmp_path: Path) -> None:
    (photos / "z.jpg").symlink_to(photos / "2024/a.jpg")
    catalog = quick(photos, tmp_path / "out")
    assert len(catalog) == 2
    assert "1 repeated" in catalog.summary()


def test_below() -> None:
    assert inside_of("/a/b", "/a/b/c/d.jpg") == "c/d.jpg"
    assert inside_of("/a/b", "/a/bc/d.jpg") == ""
    assert inside_of("/", "/a.jpg") == "a.jpg"
    plain = Member("a.jpg", Location("/r/a.jpg"))
    assert list(at_one_place("/r", [plain], {})) == [plain]
