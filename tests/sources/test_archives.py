"""Tar and zip archives, read in place."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from codo.core.errors import InputError
from tests.catalog.pictures import jpeg, jpegs
from tests.sources.listings import keys, listed, read, write_tar, write_zip


def test_a_tar_is_read_in_place_in_its_order(tmp_path: Path) -> None:
    long = "folder/" * 20 + "long.jpg"
    files = {"./b.jpg": jpeg(1), "a/1.jpg": jpeg(2), long: jpeg(3)}
    listing = listed(write_tar(tmp_path / "x.tar", files | {"info.json": b"{}", "__MACOSX/._b.jpg": b"x"}))
    assert keys(listing) == ["b.jpg", "a/1.jpg", long]
    assert list(read(listing).values()) == list(files.values())
    assert {member.location.uri for member in listing.members} == {str(tmp_path / "x.tar")}
    assert listing.ignored == {".json": 1, "hidden": 1}


def test_webdataset_shards(tmp_path: Path) -> None:
    for shard in range(2):
        files = {f"{n:04d}.{e}": jpeg(10 * shard + n) if e == "jpg" else b"1" for n in range(2) for e in ("cls", "jpg")}
        write_tar(tmp_path / f"train-{shard:03d}.tar", files)
    expected = ["0000.jpg", "0001.jpg", "train-001/0000.jpg", "train-001/0001.jpg"]
    for source in (tmp_path, tmp_path / "train-*.tar", tmp_path / "train-{000..001}.tar"):
        listing = listed(source)
        assert keys(listing) == expected
        assert list(read(listing).values()) == [jpeg(0), jpeg(1), jpeg(10), jpeg(11)]


def test_tars_inside_a_tar(tmp_path: Path) -> None:
    inner = {}
    for name in ("n01", "n02"):
        write_tar(tmp_path / "inner.tar", {f"{name}_{i}.JPEG": jpeg(i) for i in range(2)})
        inner[f"{name}.tar"] = (tmp_path / "inner.tar").read_bytes()
    listing = listed(write_tar(tmp_path / "outer.tar", inner | {"last.jpg": jpeg(9)}))
    assert keys(listing) == ["n01/n01_0.JPEG", "n01/n01_1.JPEG", "n02/n02_0.JPEG", "n02/n02_1.JPEG", "last.jpg"]
    assert list(read(listing).values()) == [jpeg(0), jpeg(1), jpeg(0), jpeg(1), jpeg(9)]


def test_a_damaged_tar_loses_nothing_in_silence(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "x.tar", jpegs(3))
    data = bytearray(path.read_bytes())
    second = data.index(b"001.jpg")
    data[second : second + 20] = b"\xff" * 20
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged archive"):
        listed(path)
    path.write_bytes(write_tar(path, jpegs(3)).read_bytes()[:-11000])
    with pytest.raises(InputError, match="damaged archive"):
        listed(path)


@pytest.mark.parametrize("name", ["x.tar.gz", "x.tgz"])
def test_a_compressed_tar_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InputError, match="cannot be read in place"):
        listed(tmp_path / name)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_read_in_place(tmp_path: Path, method: int) -> None:
    files = {"b/x.jpg": jpeg(1), "a.jpg": jpeg(2)}
    listing = listed(write_zip(tmp_path / "x.zip", files | {"list.csv": b"1"}, method))
    assert keys(listing) == ["b/x.jpg", "a.jpg"]
    assert read(listing) == files
    assert {member.location.deflated for member in listing.members} == {method == zipfile.ZIP_DEFLATED}


def test_zip_members_that_cannot_be_read_in_place_say_so(tmp_path: Path) -> None:
    write_zip(tmp_path / "x.zip", {"a.jpg": jpeg(1)}, zipfile.ZIP_BZIP2)
    assert listed(tmp_path / "x.zip").members[0].problem.startswith("unreadable: zip compression 12")
    (tmp_path / "y.zip").write_bytes(b"PK\x03\x04 but no more")
    with pytest.raises(InputError, match="damaged archive"):
        listed(tmp_path / "y.zip")


def test_a_member_that_ends_before_it_begins(tmp_path: Path) -> None:
    """A size below zero, as the format can write it: the archive is refused at that member."""
    path = write_tar(tmp_path / "x.tar", jpegs(2))
    data = bytearray(path.read_bytes())
    data[124:136] = b"\xff" * 11 + b"\x00"  # -256
    data[148:156] = b" " * 8
    data[148:156] = f"{sum(data[:512]):06o}\0 ".encode()
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged archive"):
        listed(path)


def test_a_zip_whose_directory_points_nowhere(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", {"a.jpg": jpeg(1)}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 46 : entry + 51] = b"\xff" * 5  # a name that is marked as UTF-8 and is none
    data[entry + 9] |= 8
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged archive"):
        listed(path)
