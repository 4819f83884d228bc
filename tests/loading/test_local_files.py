"""Training on shards in a real S3 server from copies on this machine: each shard is one request, then none."""

from __future__ import annotations

import multiprocessing
import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import codo
from codo.core.cache import VARIABLE
from codo.core.errors import CodoError
from codo.loading.local_files import read_local_copies, remote_note
from tests.catalog.pictures import jpegs, write_folder
from tests.object_store import Store
from tests.preparation.catalogs import files
from tests.sources.listings import write_tar
from tests.training.tiny import settings, timeless

PICTURES = jpegs(12, width=120, height=100)
NAMES = sorted(PICTURES)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
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
    assert "2 files with images are in an object store: each look at an image is a request" in asked
    assert f"local_copy=true: 2 files in an object store are read from copies in {cache}" in told


def _copy(catalog: str) -> int:
    opened = codo.open_catalog(catalog)
    read_local_copies([opened])
    return int(opened.image(11).size)


def test_the_processes_of_a_machine_copy_once(s3: Store, shards: str, cache: Path, tmp_path: Path) -> None:
    codo.prepare(shards, tmp_path / "catalog", jobs=1, propose=False)
    s3.forget()
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
    read_local_copies([remote, local])
    again = pickle.loads(pickle.dumps(remote))
    s3.forget()
    for copy in (remote, again):
        assert all(np.array_equal(copy.image(i), local.image(i)) for i in range(12))
    assert s3.requests == []


def test_a_shard_that_was_replaced_is_copied_again_and_noticed(
    s3: Store, shards: str, cache: Path, tmp_path: Path
) -> None:
    codo.prepare(shards, tmp_path / "catalog", jobs=1, propose=False)
    catalog = codo.open_catalog(tmp_path / "catalog")
    read_local_copies([catalog])
    assert all(catalog.image(i).any() for i in range(12))
    other = dict.fromkeys(NAMES[:6], PICTURES[NAMES[0]])
    s3.put({"000.tar": write_tar(tmp_path / "other.tar", other).read_bytes() + bytes(512)}, "shards")
    catalog = codo.open_catalog(tmp_path / "catalog")
    read_local_copies([catalog])
    catalog.image(0)
    with pytest.raises(CodoError, match="has vanished or changed since codo prepare") as caught:
        catalog.image(1)
    assert caught.value.where == f"{s3.url}/shards/000.tar"


def test_a_copy_that_was_removed_is_told(shards: str, cache: Path, tmp_path: Path) -> None:
    codo.prepare(shards, tmp_path / "catalog", jobs=1, propose=False)
    catalog = codo.open_catalog(tmp_path / "catalog")
    read_local_copies([catalog])
    shutil.rmtree(cache / "images")
    with pytest.raises(CodoError, match=r"the copy of image '000\.jpg' was removed") as caught:
        catalog.image(0)
    assert caught.value.where.startswith(str(cache / "images"))
    assert caught.value.fix == "run the same command again: it copies the file again"


def test_nothing_is_said_of_local_files_or_of_one_look(shards: str, tmp_path: Path) -> None:
    local = codo.prepare(write_folder(tmp_path / "photos", PICTURES), tmp_path / "local", jobs=1, propose=False)
    remote = codo.prepare(shards, tmp_path / "catalog", jobs=1, propose=False)
    assert remote_note([local], True, 9.0) == []
    assert remote_note([remote], False, 1.0) == []
    assert len(remote_note([remote, local], False, 2.5)) == 1
