"""Labeled data in a real S3 server: copied once, followed when it changes, and named by URL in what is recorded."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from codo.annotations.data_settings import DataSettings
from codo.annotations.source import read_annotations, resolved
from codo.core.cache import VARIABLE
from codo.core.errors import InputError
from codo.sources.local_copy import local_copy
from tests.annotations.layouts import write_every_layout
from tests.object_store import Store


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
