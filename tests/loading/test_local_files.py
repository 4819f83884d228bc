"""Training on shards in a real S3 server from copies on this machine: each shard is one request, then none."""

from __future__ import annotations

import io
import multiprocessing
import os
import pickle
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile

import codo
from codo.catalog.catalog import Catalog
from codo.core.cache import VARIABLE
from codo.core.errors import CodoError
from codo.loading.local_files import copy_files, remote_note
from codo.sources.local_copy import copy_images
from tests.catalog.pictures import jpegs, write_folder
from tests.object_store import Fault, Store
from tests.preparation.catalogs import files
from tests.sources.listings import write_tar
from tests.training.tiny import settings, timeless

PICTURES = jpegs(12, width=120, height=100)
NAMES = sorted(PICTURES)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    copy_images.cache_clear()
    return tmp_path / "cache"


@pytest.fixture
def shards(tmp_path: Path, s3: Store) -> str:
    """Two tars with six pictures each, in the store."""
    halves = {"000.tar": NAMES[:6], "001.tar": NAMES[6:]}
    tars = {
        shard: write_tar(tmp_path / shard, {name: PICTURES[name] for name in half}) for shard, half in halves.items()
    }
    url = s3.put({shard: tar.read_bytes() for shard, tar in tars.items()}, "shards")
    return f"{url}/{{000..001}}.tar"


@pytest.mark.usefixtures("one_thread")
def test_epochs_read_each_shard_once_from_begin_to_end(
    s3: Store, shards: str, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The losses are those of images read in place; another run asks for sizes alone."""
    codo.prepare(shards, tmp_path / "catalog", jobs=1)
    runs = []
    for name, copied in (("in place", False), ("copied", True), ("again", True)):
        s3.forget()
        copy_images.cache_clear()  # as in a new process
        given = {"workers": 2, "steps": 3, "cache": "off", "probe": None, "local_copy": copied}
        run = codo.pretrain(**settings(tmp_path / "catalog", tmp_path / name, **given))
        runs.append((timeless(run.metrics()), s3.gets(".tar"), "".join(capsys.readouterr())))
    (in_place, many, asked), (copied_losses, each_once, told), (again, none, _) = runs
    assert len(in_place) == 3
    assert in_place == copied_losses == again
    assert len(many) >= 3 * 8
    assert sorted(one.key.rpartition("/")[2] for one in each_once) == ["000.tar", "001.tar"]
    assert all(one.span is None or one.span[0] == 0 for one in each_once)
    assert none == []
    assert "2 files with images are in an object store: an image that is not in memory is a request" in asked
    assert f"local_copy=true: 2 files in an object store are read from copies in {cache}" in told


def _copy(catalog: str) -> int:
    opened = codo.open_catalog(catalog)
    copy_files([opened])
    return int(opened.image(11).size)


def test_the_processes_of_a_machine_copy_once(s3: Store, shards: str, cache: Path, tmp_path: Path) -> None:
    codo.prepare(shards, tmp_path / "catalog", jobs=1, propose=False)
    s3.forget()
    s3.faults += [Fault("before", times=2, key=".tar", action=lambda: time.sleep(2))]  # longer than they start apart
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        assert [*pool.map(_copy, [str(tmp_path / "catalog")] * 2)] == [3 * 120 * 100] * 2
    assert sorted(one.key.rpartition("/")[2] for one in s3.gets(".tar")) == ["000.tar", "001.tar"]


def test_a_packed_catalog_in_a_store(s3: Store, cache: Path, tmp_path: Path) -> None:
    """Also in a process that opens it again, as workers that are not forked do."""
    local = codo.prepare(
        write_folder(tmp_path / "photos", PICTURES), tmp_path / "local", jobs=1, pack=64, propose=False
    )
    remote = codo.open_catalog(s3.put(files(tmp_path / "local"), "catalog"))
    assert remote.remote_files() == [f"{remote.path}/shard-00000.tar"]
    assert local.remote_files() == []
    copy_files([remote, local])
    again = pickle.loads(pickle.dumps(remote))
    s3.forget()
    for copy in (remote, again):
        assert all(np.array_equal(copy.image(i), local.image(i)) for i in range(12))
    assert s3.requests == []


@pytest.mark.parametrize("in_store", [False, True])
def test_other_pictures_of_the_same_length_are_noticed(
    s3: Store, shards: str, cache: Path, tmp_path: Path, in_store: bool
) -> None:
    """Also where the catalog itself lies in the store, and no time tells when it was made."""
    codo.prepare(shards, tmp_path / "catalog", jobs=1, propose=False)
    place = s3.put(files(tmp_path / "catalog"), "catalog") if in_store else str(tmp_path / "catalog")
    catalog = codo.open_catalog(place)
    copy_files([catalog])
    copy = next(cache.rglob("000.tar"))
    data = bytearray(copy.read_bytes())
    at, size = catalog.location(1).offset, catalog.location(1).size
    data[at + size // 2] ^= 1
    s3.put({"000.tar": bytes(data)}, "shards")
    os.utime(copy, (1e9, 1e9))  # as if it had been copied before, not in the same second
    copy_images.cache_clear()
    catalog = codo.open_catalog(place)
    copy_files([catalog])
    assert copy.read_bytes() == data
    catalog.image(0)
    with pytest.raises(CodoError, match="another file of the same length is in its place") as caught:
        catalog.image(1)
    assert caught.value.where == str(copy)
    assert caught.value.fix.startswith(
        "delete this copy, and run the same command again; if that does not help, restore"
    )


def test_tiles_of_a_copy_are_checked(s3: Store, cache: Path, tmp_path: Path) -> None:
    """A picture that is read in parts where it lies on a disk is read as a whole from a copy."""
    pixels = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, tile=(64, 64), photometric="rgb")
    place = s3.put({"0.tif": file.getvalue()}, "photos")
    codo.prepare(place, tmp_path / "catalog", jobs=1, propose=False, tiles=64, tile_overlap=0)
    catalog = codo.open_catalog(tmp_path / "catalog")
    copy_files([catalog])
    s3.forget()
    assert np.array_equal(catalog.image(3), pixels[64:, 64:])
    assert s3.requests == []
    copy = next(cache.rglob("0.tif"))
    data = bytearray(copy.read_bytes())
    data[-5] ^= 1
    copy.write_bytes(data)
    with pytest.raises(CodoError, match="another file of the same length is in its place"):
        reopened(catalog).image(3)


def reopened(catalog: Catalog) -> Catalog:
    """The same catalog in another process."""
    return pickle.loads(pickle.dumps(catalog))


def test_without_its_copy_a_file_is_read_in_the_store(s3: Store, shards: str, cache: Path, tmp_path: Path) -> None:
    codo.prepare(shards, tmp_path / "catalog", jobs=1, propose=False)
    catalog = codo.open_catalog(tmp_path / "catalog")
    copy_files([catalog])
    shutil.rmtree(cache / "images")
    s3.forget()
    assert catalog.image(0).any()
    assert len(s3.gets(".tar")) == 1


def test_nothing_is_said_of_local_files_or_of_one_look(shards: str, tmp_path: Path) -> None:
    local = codo.prepare(write_folder(tmp_path / "photos", PICTURES), tmp_path / "local", jobs=1, propose=False)
    remote = codo.prepare(shards, tmp_path / "catalog", jobs=1, propose=False)
    assert remote_note([local], True, 9.0) == []
    assert remote_note([remote], False, 1.0) == []
    assert len(remote_note([remote, local], False, 2.5)) == 1
