"""Labeled data in a real S3 server: copied once, followed when it changes, and named by URL in what is recorded."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from codo.annotations.data_settings import DataSettings
from codo.annotations.source import read_annotations, resolved
from codo.catalog.reading import copy_path
from codo.core.cache import VARIABLE
from codo.core.errors import CodoError, InputError
from codo.core.remote import RemoteFolder
from codo.preparation.cache import clear, entries
from codo.sources.local_copy import copy_images, local_copy
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
    copy_images.cache_clear()
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


def copies_of(urls: Sequence[str], cache: Path) -> list[bytes]:
    copy_images.cache_clear()
    folder = copy_images(tuple(urls), cache)
    return [Path(copy_path(folder, url)).read_bytes() for url in urls]


def test_image_files_are_copied_from_several_folders(s3: Store, cache: Path) -> None:
    urls = [
        f"{s3.put({name: name.encode() * 9}, folder)}/{name}" for folder, name in (("a", "0.tar"), ("b/c", "1.tar"))
    ]
    assert copies_of(urls, cache) == [b"0.tar" * 9, b"1.tar" * 9]
    assert (cache / "images/s3/codo-tests/b/c/1.tar").is_file()
    s3.put({"1.tar": b"another length"}, "b/c")
    s3.forget()
    assert copies_of(urls, cache)[1] == b"another length"  # though this process has listed the folder before
    assert [one.key.rpartition("/")[2] for one in s3.gets(".tar")] == ["1.tar"]
    s3.forget()
    copy_images(tuple(urls), cache)
    assert s3.requests == []


def test_a_large_file_is_read_block_by_block_and_each_is_tried_again(
    s3: Store, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codo.core.remote.BLOCK", 1 << 20)
    whole = bytes(range(256)) * 14_000
    url = f"{s3.put({'0.tar': whole}, 'shards')}/0.tar"
    s3.forget()
    s3.faults += [Fault("before", times=2, key="0.tar"), Fault("cut", key="0.tar"), Fault("slow down", key="0.tar")]
    assert copies_of([url], cache) == [whole]
    spans = [one.span for one in s3.gets("0.tar")]
    starts = range(0, len(whole), 1 << 20)
    assert list(dict.fromkeys(spans)) == [(start, min(start + (1 << 20) - 1, len(whole))) for start in starts]
    assert len(spans) > 4


def test_image_files_that_cannot_be_copied_are_refused(s3: Store, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"{s3.put({'0.tar': bytes(100), 'empty.tar': b''}, 'a')}/0.tar"
    with pytest.raises(InputError, match="image files cannot be read: FileNotFoundError") as caught:
        copy_images((url, f"{s3.url}/a/none.tar"), cache)
    assert caught.value.fix == "check the URL and your access to it, or set local_copy=false, which reads them in place"
    with pytest.raises(InputError, match="image files at an unusual URL"):
        copy_images((f"{s3.url}/../other.tar",), cache)
    with pytest.raises(InputError, match="size the store does not tell"):
        copy_images((f"{s3.url}/a/empty.tar",), cache)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    with pytest.raises(InputError, match="do not fit into the cache") as caught:
        copy_images((url,), cache)
    assert caught.value.fix == "set CODO_CACHE to a larger disk, or set local_copy=false, which reads them in place"
    assert [path.name for path in cache.rglob("*") if path.is_file()] == ["lock"]


def test_a_disk_that_fills_up_is_told(s3: Store, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"{s3.put({'0.tar': bytes(100)}, 'a')}/0.tar"

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("codo.core.remote.flush_to_disk", full)
    with pytest.raises(CodoError, match="no space left on device") as caught:
        copy_images((url,), cache)
    assert caught.value.where == str(cache)
    assert [path.name for path in cache.rglob("*") if path.is_file()] == ["lock"]


def test_nothing_is_awaited_where_nothing_is_missing(s3: Store, cache: Path) -> None:
    """Not even the lock of another process that copies something else."""
    url = f"{s3.put({'0.tar': b'tar'}, 'a')}/0.tar"
    copies_of([url], cache)
    holder = "import sys, time; from pathlib import Path; from codo.core.io import FileLock\n"
    holder += "lock = FileLock(Path(sys.argv[1])); lock.acquire(); print('held', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", holder, str(cache / "images/lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            assert copies_of([url], cache) == [b"tar"]
            assert [entry.state for entry in entries(cache)] == ["busy"]
            assert clear("all", cache) == []
        finally:
            other.kill()


def test_ctrl_c_does_not_wait_for_what_is_on_its_way(s3: Store, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file has sixteen blocks, and the signal comes with the third of the first; nothing half-copied stays."""
    monkeypatch.setattr("codo.sources.local_copy.AT_ONCE", 2)
    monkeypatch.setattr("codo.core.remote.BLOCK", 1 << 18)
    place = s3.put({f"{i}.tar": bytes([i]) * (1 << 22) for i in range(4)}, "shards")
    urls = [f"{place}/{i}.tar" for i in range(4)]
    s3.forget()
    main = threading.get_ident()  # waits, and has to be woken: a signal to the process may be given to any thread
    interrupt = Fault("before", key="0.tar", action=lambda: signal.pthread_kill(main, signal.SIGINT))
    s3.faults += [Fault("before", times=2, key="0.tar"), interrupt]
    with pytest.raises(KeyboardInterrupt):
        copies_of(urls, cache)
    assert len(s3.gets(".tar")) < 32  # of two files alone it would be 32
    assert [path.name for path in cache.rglob("*") if path.is_file()] == ["lock"]
    assert [data[0] for data in copies_of(urls, cache)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("info", "time"),
    [
        ({"LastModified": datetime(2026, 1, 1, tzinfo=UTC)}, 1767225600.0),
        ({"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}, 1767225600.0),
        ({"updated": "2026-01-01T00:00:00Z"}, 1767225600.0),
        ({"mtime": 5.5}, 5.5),
        ({"created": "yesterday"}, 0.0),
        ({}, 0.0),
    ],
)
def test_times_of_stores(info: dict[str, object], time: float, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = RemoteFolder("memory://folder")
    monkeypatch.setattr(remote.fs, "info", lambda path: {"size": 3, **info})
    assert remote.file("name") == (3, time)
