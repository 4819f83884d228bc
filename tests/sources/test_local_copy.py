"""Labeled data in a real S3 server: copied once, followed when it changes, and named by URL in what is recorded."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from codo.annotations.data_settings import DataSettings
from codo.annotations.source import read_annotations, resolved
from codo.core.cache import VARIABLE
from codo.core.errors import InputError
from codo.sources.local_copy import copies_at_hand, copy_images, local_copy
from tests.annotations.layouts import write_every_layout
from tests.object_store import Fault, Store


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One data set in three layouts."""
    return write_every_layout(tmp_path_factory.mktemp("right"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    local_copy.cache_clear()
    return tmp_path / "cache"


def upload(s3: Store, folder: Path, name: str) -> str:
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    url = s3.put(files, name)
    s3.forget()
    return url


@pytest.mark.parametrize("layout", ["coco", "voc", "yolo"])
def test_every_layout_reads_as_from_a_disk(layout: str, right: dict[str, Path], s3: Store, cache: Path) -> None:
    url = upload(s3, right[layout], f"sets/{layout}")
    there = cache / "labeled" / url.replace("://", "/")
    for split in ("train", "val"):
        read = read_annotations(DataSettings(folder=url), split)
        local = read_annotations(DataSettings(folder=str(right[layout])), split)
        assert [*read.file_names] == [*local.file_names]
        assert (read.bbox == local.bbox).all()
        assert read.folder is not None
        assert read.folder.is_relative_to(there)
    assert len(s3.gets("sets")) == len(s3.names(f"sets/{layout}"))  # one each, for both splits


def test_a_later_command_copies_what_has_changed(right: dict[str, Path], s3: Store, cache: Path) -> None:
    url = upload(s3, right["coco"], "coco")
    copy = local_copy(url, cache)
    names = s3.names("coco")
    images = [name for name in names if name.endswith((".png", ".jpg"))]
    local_copy.cache_clear()
    s3.forget()
    assert local_copy(url, cache) == copy
    assert s3.gets("coco") == []
    old = (copy / images[0]).read_bytes()
    (copy / images[1]).write_bytes(b"damaged")
    s3.put({images[0]: old[::-1]}, "coco")  # of the same length
    s3.fs.rm(f"{url}/{images[2]}")
    os.utime(copy / images[0], (1e9, 1e9))  # as if it had been copied before, not in the same second
    local_copy.cache_clear()
    local_copy(url, cache)
    assert (copy / images[0]).read_bytes() == old[::-1]
    assert (copy / images[1]).read_bytes() != b"damaged"
    assert sorted(path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()) == s3.names("coco")


def test_files_named_one_by_one_share_the_copy_and_are_recorded_by_url(
    right: dict[str, Path], s3: Store, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = upload(s3, right["coco"], "coco")
    data = DataSettings(folder=url)
    found = resolved(data, read_annotations(data, "train"), read_annotations(data, "val"))
    assert found.train == f"{url}/annotations/instances_train.json"
    assert found.folder is None
    s3.forget()
    read = read_annotations(found, "train")
    assert s3.gets("coco") == []  # it is there, from the whole folder
    monkeypatch.setenv(VARIABLE, str(tmp_path / "another machine"))
    again = read_annotations(found, "train")
    assert [*again.file_names] == [*read.file_names]
    assert resolved(found, again, read_annotations(found, "val")) == found


def test_what_cannot_be_copied_is_refused(
    right: dict[str, Path], s3: Store, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="labeled data cannot be read: FileNotFoundError") as caught:
        read_annotations(DataSettings(folder=f"{s3.url}/none"), "val")
    assert caught.value.fix == "check the URL and your access to it, or give data= a local folder"
    for url in (f"{s3.url}/../other", f"{s3.url}//twice", f"simplecache::{s3.url}/a"):
        with pytest.raises(InputError, match="unusual URL"):
            read_annotations(DataSettings(folder=url), "val")
    assert not cache.exists()
    url = upload(s3, right["coco"], "coco")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    with pytest.raises(InputError, match="do not fit into the cache") as caught:
        read_annotations(DataSettings(folder=url), "val")
    assert s3.gets("coco") == []


def test_image_files_are_copied_from_several_folders(s3: Store, cache: Path) -> None:
    urls = [
        f"{s3.put({name: name.encode() * 9}, folder)}/{name}" for folder, name in (("a", "0.tar"), ("b/c", "1.tar"))
    ]
    copies = copy_images(urls, cache)
    assert copies == {url: str(cache / "images" / url.replace("://", "/")) for url in urls}
    assert [Path(path).read_bytes() for path in copies.values()] == [b"0.tar" * 9, b"1.tar" * 9]
    s3.put({"1.tar": b"another length"}, "b/c")
    s3.forget()
    assert copies_at_hand([*urls, f"{s3.url}/none"], cache) == copies
    assert s3.requests == []
    assert copy_images(urls, cache) == copies
    assert [one.key.rpartition("/")[2] for one in s3.gets(".tar")] == ["1.tar"]
    assert Path(copies[urls[1]]).read_bytes() == b"another length"


def test_image_files_that_cannot_be_copied_are_refused(s3: Store, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"{s3.put({'0.tar': bytes(100)}, 'a')}/0.tar"
    with pytest.raises(InputError, match="image files cannot be read: FileNotFoundError") as caught:
        copy_images([url, f"{s3.url}/a/none.tar"], cache)
    assert caught.value.fix == "check the URL and your access to it, or set local_copy=false, which reads them in place"
    with pytest.raises(InputError, match="image files at an unusual URL"):
        copy_images([f"{s3.url}/../other.tar"], cache)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    with pytest.raises(InputError, match="do not fit into the cache") as caught:
        copy_images([url], cache)
    assert caught.value.fix == "set CODO_CACHE to a larger disk, or set local_copy=false, which reads them in place"
    assert [path.name for path in cache.rglob("*") if path.is_file()] == ["lock"]


def test_ctrl_c_does_not_wait_for_what_is_on_its_way(s3: Store, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole files stay, nothing half-copied does, and the same call goes on."""
    monkeypatch.setattr("codo.sources.local_copy.AT_ONCE", 2)
    place = s3.put({f"{i}.tar": bytes([i]) * 4_000_000 for i in range(8)}, "shards")
    urls = [f"{place}/{i}.tar" for i in range(8)]
    s3.forget()
    s3.faults += [Fault("before", key="0.tar", action=lambda: os.kill(os.getpid(), signal.SIGINT))]
    with pytest.raises(KeyboardInterrupt):
        copy_images(urls, cache)
    there = sorted(path.name for path in (cache / "images").rglob("*") if path.is_file())
    assert set(there) < {"lock", *(f"{i}.tar" for i in range(8))}
    assert len(there) < 5
    s3.forget()
    copies = copy_images(urls, cache)
    assert [Path(copies[url]).read_bytes()[0] for url in urls] == [*range(8)]
    assert {one.key.rpartition("/")[2] for one in s3.gets(".tar")} == {f"{i}.tar" for i in range(8)} - set(there)
