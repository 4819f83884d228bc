"""The format, opening and reading of catalogs."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codo.catalog.catalog import Catalog, is_catalog, open_catalog
from codo.catalog.content import content_hash
from codo.catalog.decode import decode
from codo.core.errors import CodoError, InputError
from codo.preparation.prepare import prepare
from tests.catalog.pictures import encode, jpeg, jpegs, picture, write_folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    files = jpegs(5) | {"turned.jpg": jpeg(7, 70, 40, orientation=6), "z.png": encode(picture(8), "PNG")}
    return write_folder(tmp_path / "source", files)


@pytest.fixture
def plain(source: Path, tmp_path: Path) -> Catalog:
    """A catalog without proposals."""
    return prepare(source, tmp_path / "out", propose=False, jobs=1)


def test_rows(plain: Catalog, source: Path) -> None:
    names = sorted(path.name for path in source.iterdir())
    assert len(plain) == 7
    for i, name in enumerate(names):
        data = (source / name).read_bytes()
        assert plain.key(i) == name
        assert plain.read(i) == data
        assert plain.content_hash(i) == hashlib.blake2b(data, digest_size=16).digest()
        assert np.array_equal(plain.image(i), decode(data))
        assert plain.size(i) == plain.image(i).shape[1::-1]
    assert plain.size(names.index("turned.jpg")) == (40, 70)
    assert plain.hashes.shape == (7, 16)


def test_a_million_rows_would_be_no_million_objects(plain: Catalog) -> None:
    """What holds per-row data is Arrow or NumPy, so that forks share it."""
    rows = [value for value in vars(plain).values() if isinstance(value, np.ndarray | pa.Array)]
    assert {len(value) for value in rows} == {7}
    assert len(rows) == 9  # and a NumPy array in catalog.content.Checked
    assert not any(isinstance(value, np.ndarray) and value.dtype.hasobject for value in rows)
    assert not any(isinstance(value, list | tuple) for value in vars(plain).values())


def test_without_proposals(plain: Catalog) -> None:
    assert not plain.has_proposals
    assert plain.settings["propose"] is False
    with pytest.raises(InputError, match="has no proposals"):
        plain.proposals(0)
    assert pq.read_table(f"{plain.path}/catalog.parquet").column("proposals").null_count == 7


def test_with_proposals(catalog: Path) -> None:
    opened = open_catalog(catalog)
    assert opened.has_proposals
    assert opened.settings["proposals"]["mode"] == "fast"
    assert opened.settings["proposals"]["longest_side"] == 256
    total = 0
    for i in range(len(opened)):
        boxes = opened.proposals(i)
        width, height = opened.size(i)
        assert boxes.dtype == np.int32
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= (width, height)).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        assert 1 <= len(boxes) <= 64
        assert np.array_equal(opened.scaled_proposals(i, 2 * height, 3 * width), boxes * (3, 2, 3, 2))
        total += len(boxes)
    assert opened.counts["proposals"] == total
    assert sum(opened.fallbacks.values()) == len(opened)
    assert np.array_equal(opened.proposals(-1), opened.proposals(len(opened) - 1))


def test_proposals_can_be_left_unread(catalog: Path) -> None:
    assert not open_catalog(catalog, proposals=False).has_proposals


def test_another_process_opens_it_anew(catalog: Path) -> None:
    opened = open_catalog(catalog)
    message = pickle.dumps(opened)
    assert len(message) < 1000
    again = pickle.loads(message)
    assert np.array_equal(again.proposals(3), opened.proposals(3))
    assert np.array_equal(again.image(3), opened.image(3))


def test_a_fork_reads_without_opening_anew(catalog: Path) -> None:
    opened = open_catalog(catalog)
    expected = opened.image(2)
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(opened.image(2), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_images_that_two_catalogs_share(plain: Catalog, tmp_path: Path) -> None:
    write_folder(tmp_path / "other", {"x.jpg": jpeg(3), "y.jpg": jpeg(99), "z.jpg": jpeg(1)})
    other = prepare(tmp_path / "other", tmp_path / "out2", propose=False, jobs=1)
    shared = plain.rows_with(other.hashes)
    assert [plain.key(int(i)) for i in shared] == ["001.jpg", "003.jpg"]
    assert plain.rows_with(other.hashes[1:2]).size == 0


def changed(catalog: Catalog, i: int, match: str) -> None:
    with pytest.raises(CodoError, match="has vanished or changed since codo prepare") as caught:
        catalog.image(i)
    assert catalog.key(i) in caught.value.what
    assert match in caught.value.what
    assert caught.value.where.endswith(catalog.key(i))
    assert "prepare" in caught.value.fix


def test_files_that_vanish_or_change(plain: Catalog, source: Path) -> None:
    (source / "000.jpg").unlink()
    changed(plain, 0, "no such file")
    (source / "001.jpg").write_bytes(jpeg(1) + b"more")
    changed(plain, 1, "longer")
    (source / "002.jpg").write_bytes(b"x" * len(jpeg(2)))
    changed(plain, 2, "another file of the same length")
    small = jpeg(3, 50, 40)
    (source / "003.jpg").write_bytes(small + bytes(len(jpeg(3)) - len(small)))
    changed(plain, 3, "another file of the same length")
    assert plain.image(4).shape == (48, 60, 3)
    file = Path(plain.path) / "catalog.parquet"
    os.utime(file, (time.time() + 100,) * 2)  # a copy of the catalog: the times of the images say nothing
    changed(open_catalog(plain.path), 2, "unreadable")
    changed(open_catalog(plain.path), 3, "it is 50 x 40 pixels, not 60 x 48")


@pytest.mark.parametrize("how", ["written", "moved"])
def test_a_picture_of_the_same_length_and_size_is_another(
    how: str, plain: Catalog, source: Path, tmp_path: Path
) -> None:
    data = (source / "000.jpg").read_bytes()
    other = data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]
    assert plain.image(0).shape == (48, 60, 3)
    if how == "written":
        (source / "000.jpg").write_bytes(other)
    else:
        (tmp_path / "old.jpg").write_bytes(other)
        os.utime(tmp_path / "old.jpg", (1e9, 1e9))  # a file that is moved keeps its time
        (tmp_path / "old.jpg").rename(source / "000.jpg")
    changed(plain, 0, "another file of the same length is in its place")
    (source / "000.jpg").write_bytes(data)
    assert plain.image(0).shape == (48, 60, 3)


def test_files_with_new_times_are_hashed_once(plain: Catalog, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[int] = []
    monkeypatch.setattr("codo.catalog.catalog.content_hash", lambda data: hashed.append(1) or content_hash(data))
    plain.image(0)
    assert len(hashed) == 0
    for path in source.iterdir():
        os.utime(path)
    for _ in range(3):
        plain.image(0)
        plain.image(1)
    assert len(hashed) == 2


@pytest.mark.parametrize("ending", ["tar", "zip"])
def test_an_archive_with_another_picture_at_the_same_place(ending: str, source: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "a"), ending, source)
    catalog = prepare(archive, tmp_path / "archived", propose=False, jobs=1)
    (row,) = [i for i in range(len(catalog)) if catalog.key(i).endswith("z.png")]
    catalog.image(row)
    location = catalog.location(row)
    data = bytearray(Path(archive).read_bytes())
    data[location.offset + location.size // 2] ^= 1
    Path(archive).write_bytes(data)
    with pytest.raises(CodoError, match="has vanished or changed"):
        open_catalog(catalog.path).read(row)


def test_opening_what_is_no_catalog(tmp_path: Path, source: Path) -> None:
    with pytest.raises(InputError, match=r"not a catalog") as caught:
        open_catalog(source)
    assert "codo prepare" in caught.value.fix
    with pytest.raises(InputError, match="no such file or folder") as caught:
        open_catalog(tmp_path / "sorce")
    assert "source" in caught.value.fix
    (tmp_path / "begun" / ".work").mkdir(parents=True)
    with pytest.raises(InputError, match="has not finished"):
        open_catalog(tmp_path / "begun")
    assert not is_catalog(tmp_path / "begun")


def test_opening_a_damaged_or_newer_catalog(plain: Catalog) -> None:
    file = Path(plain.path) / "catalog.parquet"
    table = pq.read_table(file)
    pq.write_table(table.replace_schema_metadata({"codo": json.dumps({"format": 4, "codo": "9.0"})}), file)
    with pytest.raises(InputError, match="format 4") as caught:
        open_catalog(plain.path)
    assert "9.0" in caught.value.fix
    pq.write_table(table.replace_schema_metadata(None), file)
    with pytest.raises(InputError, match="cannot be read"):
        open_catalog(plain.path)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match="cannot be read"):
        open_catalog(plain.path)


def test_a_packed_catalog_can_be_moved(source: Path, tmp_path: Path) -> None:
    expected = prepare(source, tmp_path / "packed", propose=False, pack=32, jobs=1).image(1)
    shutil.rmtree(source)
    shutil.move(tmp_path / "packed", tmp_path / "elsewhere")
    assert np.array_equal(open_catalog(tmp_path / "elsewhere").image(1), expected)
    (tmp_path / "elsewhere" / "shard-00000.tar").unlink()
    with pytest.raises(CodoError, match="no such file") as caught:
        open_catalog(tmp_path / "elsewhere").image(1)
    assert "all its shards" in caught.value.fix
