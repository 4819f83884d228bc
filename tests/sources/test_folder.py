"""Folder trees: which files, in which order, under which keys."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from codo.core.errors import InputError
from codo.sources.folder import image_files, stamp, visible_files, visible_folders
from tests.catalog.pictures import jpeg, write_folder
from tests.sources.listings import keys, listed, read, write_zip


def test_a_folder_tree(tmp_path: Path) -> None:
    files = {"b/2.JPG": jpeg(1), "a/1.png": jpeg(2), "top.jpeg": jpeg(3)}
    junk = {"notes.txt": b"x", "a/x.csv": b"x", ".hidden.jpg": b"x", ".git/1.jpg": b"x", "a/._1.jpg": b"x"}
    listing = listed(write_folder(tmp_path, files | junk))
    assert keys(listing) == ["a/1.png", "b/2.JPG", "top.jpeg"]
    assert listing.ignored == {".csv": 1, ".txt": 1, "hidden": 2}
    assert read(listing) == files


def test_an_imagenet_layout_keeps_its_classes_in_the_keys_only(tmp_path: Path) -> None:
    write_folder(tmp_path, {f"train/n{c:08d}/n{c:08d}_{i}.JPEG": jpeg(2 * c + i) for c in range(3) for i in range(2)})
    assert keys(listed(tmp_path / "train"))[:3] == [
        "n00000000/n00000000_0.JPEG",
        "n00000000/n00000000_1.JPEG",
        "n00000001/n00000001_0.JPEG",
    ]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    write_folder(tmp_path / "elsewhere", {"1.jpg": jpeg(1)})
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "photos" / "linked" / "round").symlink_to(tmp_path / "photos")
    (tmp_path / "photos" / "dangling.jpg").symlink_to(tmp_path / "nothing")
    (tmp_path / "photos" / "self.jpg").symlink_to("self.jpg")
    assert keys(listed(tmp_path / "photos")) == ["dangling.jpg", "linked/1.jpg", "self.jpg"]
    assert visible_files(tmp_path / "photos") == ["dangling.jpg", "self.jpg"]
    assert [path.name for path in visible_folders(tmp_path / "photos")] == ["linked"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_may_not_be_listed_is_named(tmp_path: Path) -> None:
    write_folder(tmp_path / "photos", {"closed/1.jpg": jpeg(1), "2.jpg": jpeg(2)})
    (tmp_path / "photos/closed").chmod(0)
    with pytest.raises(InputError, match="cannot be listed: permission denied") as caught:
        listed(tmp_path / "photos")
    assert caught.value.where == str(tmp_path / "photos/closed")


FOREIGN = [
    "@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg",
    "b/@eaDir/c.jpg",
    ".ipynb_checkpoints/a-checkpoint.jpg",
    ".thumbnails/a.jpg",
    ".@__thumb/a.jpg",
    "#recycle/a.jpg",
    "__MACOSX/a.jpg",
    "._a.jpg",
    "Thumbs.db",
]


def test_thumbnails_and_trash_are_no_photographs_in_any_listing(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / ".cache" / "data", {"a.jpg": jpeg(1), "b/c.JPG": jpeg(2), "notes.txt": b"x"})
    write_folder(folder, {name: jpeg(n) for n, name in enumerate(FOREIGN)})
    (folder / "folder.jpg").mkdir()
    found = image_files(folder)
    assert found.paths == [folder / "a.jpg", folder / "b/c.JPG"]
    assert found.hidden == sorted(
        ["#recycle", "._a.jpg", ".@__thumb", ".ipynb_checkpoints", ".thumbnails", "@eaDir", "__MACOSX", "b/@eaDir"]
    )
    assert keys(listed(folder)) == ["a.jpg", "b/c.JPG"]
    assert visible_files(folder) == ["a.jpg", "notes.txt"]
    assert visible_files(folder / "none") == []


def test_foreign_members_of_archives(tmp_path: Path) -> None:
    write_zip(tmp_path / "a.zip", {"a.jpg": jpeg(1), **{name: jpeg(n) for n, name in enumerate(FOREIGN)}})
    (tmp_path / "._a.zip").write_bytes(b"what macOS writes beside files on other disks")
    assert keys(listed(tmp_path)) == ["a.jpg"]
    (tmp_path / "list.txt").write_text("a.jpg\n")
    assert keys(listed(tmp_path / "a.zip", select=str(tmp_path / "list.txt"))) == ["a.jpg"]


def test_a_stamp_changes_with_the_remote_file() -> None:
    assert stamp({"mtime": 1.5}) == 1_500_000_000
    assert stamp({"LastModified": datetime(2026, 1, 1, tzinfo=UTC)}) == 1_767_225_600_000_000_000
    assert stamp({"updated": "2026-01-01T00:00:00Z"}) != stamp({"updated": "2026-01-01T00:00:01Z"})
    assert stamp({"size": 3}) == 0
