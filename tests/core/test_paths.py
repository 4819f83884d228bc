"""One spelling of a path, patterns, and the nearest name that exists."""

from __future__ import annotations

import gc
import multiprocessing
from pathlib import Path

import fsspec
import fsspec.asyn
import pytest

from codo.core.errors import InputError
from codo.core.paths import _USED, absolute, expand, filesystem, is_url, join, kind, missing, read_whole
from tests.object_store import Store


def test_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("a/../b/") == str(tmp_path / "b")
    assert absolute(f"file://{tmp_path}/b") == str(tmp_path / "b")
    assert absolute("s3://bucket/a/") == "s3://bucket/a"
    assert absolute("~/a") == str(Path("~/a").expanduser())


def test_urls_are_told_from_paths() -> None:
    assert is_url("s3://bucket/a")
    assert is_url("simplecache::s3://bucket/a")
    assert not is_url("/data/a:b")
    assert not is_url("C:/photos")


def test_joining() -> None:
    assert join("/data", "a/../b.jpg") == "/data/b.jpg"
    assert join("/data", "/other/b.jpg") == "/other/b.jpg"
    assert join("s3://bucket/a", "b.jpg") == "s3://bucket/a/b.jpg"
    assert join("/data", "s3://bucket/b.jpg") == "s3://bucket/b.jpg"


def test_kinds(tmp_path: Path, memory: fsspec.AbstractFileSystem) -> None:
    (tmp_path / "file").touch()
    memory.pipe("/bucket/file", b"x")
    assert [kind(str(tmp_path / name)) for name in (".", "file", "none")] == ["folder", "file", None]
    assert [kind(f"memory://bucket{name}") for name in ("", "/file", "/none")] == ["folder", "file", None]


def test_patterns(tmp_path: Path, memory: fsspec.AbstractFileSystem) -> None:
    for number in range(3):
        (tmp_path / f"s-{number:02d}.tar").touch()
        memory.pipe(f"/bucket/s-{number:02d}.tar", b"x")
    shards = [f"s-{number:02d}.tar" for number in range(3)]
    assert expand(str(tmp_path / "s-*.tar")) == [str(tmp_path / name) for name in shards]
    assert expand(str(tmp_path / "s-{00..02}.tar")) == [str(tmp_path / name) for name in shards]
    assert expand("memory://bucket/s-0[01].tar") == [f"memory:///bucket/{name}" for name in shards[:2]]
    assert expand("memory://bucket/s-{08..11}.tar") == [
        f"memory://bucket/s-{number}.tar" for number in ("08", "09", "10", "11")
    ]
    with pytest.raises(InputError, match="no file matches"):
        expand(str(tmp_path / "t-*.tar"))


def test_a_path_that_exists_is_no_pattern(tmp_path: Path) -> None:
    (tmp_path / "a[1]*").mkdir()
    assert expand(str(tmp_path / "a[1]*")) == [str(tmp_path / "a[1]*")]


def test_a_wrong_path_gets_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "photos" / "summer").mkdir(parents=True)
    error = missing(str(tmp_path / "phtos" / "summer"))
    assert error.lines() == [
        "no such file or folder",
        f"  where: {tmp_path}/phtos/summer",
        f"  fix:   did you mean '{tmp_path}/photos'?",
    ]
    assert "has no 'xyz'" in missing(str(tmp_path / "xyz")).fix


def test_unknown_protocols() -> None:
    with pytest.raises(InputError, match="cannot open 'nope://' URLs"):
        filesystem("nope://bucket/a")


def test_file_systems_that_fsspec_does_not_keep_are_kept_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fsspec.config.conf, "memory", {"skip_instance_cache": True})
    first, second = (filesystem("memory://a")[0] for _ in range(2))
    assert first is not second
    assert sum(one == first for one in _USED) == 1


def _read_and_collect(name: str) -> None:
    fsspec.asyn.get_loop().call_soon_threadsafe(gc.collect)
    read_whole(name)


def test_a_forked_process_leaves_the_connections_of_this_one_open(s3: Store) -> None:
    """Otherwise answers are not heard, and the same is asked for again after s3fs's 15 seconds."""
    name = f"{s3.put({'a': b'content'})}/a"
    s3.forget()
    assert read_whole(name) == b"content"
    asked = [(one.method, one.key) for one in s3.requests]
    child = multiprocessing.get_context("fork").Process(target=_read_and_collect, args=(name,))
    child.start()
    child.join()
    assert child.exitcode == 0
    s3.forget()
    assert read_whole(name) == b"content"
    assert [(one.method, one.key) for one in s3.requests] == asked
