"""Which kind of source a path is, and several of them together."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.core.errors import InputError
from tests.catalog.pictures import jpegs, write_folder
from tests.object_store import Store
from tests.sources.listings import keys, listed, read, write_tar, write_zip


def test_folders_and_archives_by_url(tmp_path: Path, s3: Store) -> None:
    s3.put(jpegs(3, "class/") | {"list.txt": b"x"}, "photos")
    archives = [write_tar(tmp_path / "x.tar", jpegs(3)), write_zip(tmp_path / "x.zip", jpegs(3))]
    s3.put({file.name: file.read_bytes() for file in archives})
    assert read(listed(f"{s3.url}/photos")) == jpegs(3, "class/")
    assert read(listed(f"{s3.url}/x.tar")) == jpegs(3)
    assert read(listed(f"{s3.url}/x.zip")) == jpegs(3)
    assert listed(f"{s3.url}/photos").ignored == {".txt": 1}
    with pytest.raises(InputError, match="nothing at this URL"):
        listed(f"{s3.url}/phtos")


def test_several_sources_keep_their_order_and_keys_apart(tmp_path: Path) -> None:
    write_folder(tmp_path / "b", jpegs(2))
    write_folder(tmp_path / "a", jpegs(2))
    listing = listed(tmp_path / "b", tmp_path / "a", tmp_path / "a" / "001.jpg")
    assert keys(listing) == ["000.jpg", "001.jpg", "a/000.jpg", "a/001.jpg"]
    assert listing.repeated == 1


@pytest.mark.parametrize("name", ["empty", "words"])
def test_nothing_to_list(tmp_path: Path, name: str) -> None:
    write_folder(tmp_path / "words", {"a.txt": b"x", "b.md": b"x", "c.md": b"x"})
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no images found \(it is empty\)" if name == "empty" else r"2 \.md, 1 \.txt"):
        listed(tmp_path / name)


def test_files_of_no_known_kind(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"x")
    with pytest.raises(InputError, match=r"a '\.csv' file is not a source"):
        listed(tmp_path / "a.csv")
    with pytest.raises(InputError, match="no such file"):
        listed(tmp_path / "a.jsn")
    with pytest.raises(InputError, match="no such file"):
        listed(tmp_path / "a.json")
