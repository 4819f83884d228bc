"""Spans are read in place, and a file that is not what it was is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from pathlib import Path

import fsspec
import pytest
from botocore.exceptions import ClientError
from s3fs.errors import translate_boto_error

from codo.catalog import reading
from codo.catalog.reading import BadSpan, Location, Reader, Unreachable


def deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def test_whole_files_and_spans(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    reader = Reader()
    assert reader.read(Location(str(tmp_path / "a"))) == b"0123456789"
    assert reader.read(Location(str(tmp_path / "a"), 0, 10)) == b"0123456789"
    assert reader.read(Location(str(tmp_path / "a"), 3, 4)) == b"3456"


def test_relative_locations_are_relative_to_the_base(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    assert Reader(str(tmp_path)).read(Location("a", 8, 2)) == b"89"


def test_deflated_spans(tmp_path: Path) -> None:
    data = b"word " * 1000
    (tmp_path / "a").write_bytes(b"head" + deflate(data) + b"tail")
    assert Reader().read(Location(str(tmp_path / "a"), 4, len(deflate(data)), deflated=True)) == data


@pytest.mark.parametrize("size", [9, 11])
def test_a_file_of_another_length_is_noticed(tmp_path: Path, size: int) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    with pytest.raises(BadSpan, match="longer" if size == 9 else "shorter"):
        Reader().read(Location(str(tmp_path / "a"), 0, size))


def test_an_archive_cut_short_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    with pytest.raises(BadSpan, match="shorter"):
        Reader().read(Location(str(tmp_path / "a"), 5, 6))


def test_damaged_deflate_streams(tmp_path: Path) -> None:
    good = deflate(os.urandom(1000))
    (tmp_path / "cut").write_bytes(b"head" + good[:-20])
    (tmp_path / "wrong").write_bytes(b"head" + b"\xff" * 100)
    for name, size in (("cut", len(good) - 20), ("wrong", 100)):
        with pytest.raises(BadSpan, match="damaged deflate stream"):
            Reader().read(Location(str(tmp_path / name), 4, size, deflated=True))


def test_nothing_larger_than_an_image_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST_FILE", 1000)
    (tmp_path / "a").write_bytes(bytes(1001))
    (tmp_path / "bomb").write_bytes(b"head" + deflate(bytes(100_000)))
    size = (tmp_path / "bomb").stat().st_size - 4
    for location in (
        Location(str(tmp_path / "a")),
        Location(str(tmp_path / "a"), 0, 1001),
        Location(str(tmp_path / "bomb"), 4, size, deflated=True),
    ):
        with pytest.raises(BadSpan, match="far more than an image"):
            Reader().read(location)


def test_a_name_with_a_zero_byte(tmp_path: Path) -> None:
    with pytest.raises(BadSpan, match="zero byte"):
        Reader(str(tmp_path)).read(Location("a\0.jpg"))


def test_handles_are_reused_and_bounded(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / str(number)).write_bytes(b"0123456789")
    opened = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    reader = Reader(handles=2)
    for number in [*range(5), *range(5)]:
        assert reader.read(Location(str(tmp_path / str(number)), 1, 3)) == b"123"
    if opened:
        assert len(os.listdir("/proc/self/fd")) == opened + 2
    del reader
    if opened:
        assert len(os.listdir("/proc/self/fd")) == opened


def test_an_open_file_at_the_end_of_the_interpreter_is_no_error(tmp_path: Path) -> None:
    """A catalog in a global of a script may outlive the names in modules, as numba keeps the script's functions."""
    (tmp_path / "shard").write_bytes(b"header, bytes")
    script = """import os, sys; from codo.catalog.reading import Location, Reader
reader = Reader(); os.kept = lambda: reader; print(reader.read(Location(sys.argv[1], 8, 5)))"""
    command = [sys.executable, "-c", script, str(tmp_path / "shard")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("b'bytes'\n", "")


def test_a_fork_reads_with_its_own_handles_while_the_lock_is_held(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    location = Location(str(tmp_path / "a"), 2, 4)
    reader = Reader()
    assert reader.read(location) == b"2345"
    with reader._lock:  # as another thread could at the moment of the fork
        child = os.fork()
        if child == 0:
            os._exit(0 if reader.read(location) == b"2345" else 1)
        assert os.waitpid(child, 0)[1] == 0


def test_urls(memory: fsspec.AbstractFileSystem) -> None:
    memory.pipe("/bucket/a", b"0123456789")
    reader = Reader("memory://bucket")
    assert reader.read(Location("memory://bucket/a", 0, 10)) == b"0123456789"
    assert reader.read(Location("a", 3, 4)) == b"3456"
    with pytest.raises(BadSpan, match="longer"):
        reader.read(Location("a", 0, 9))
    with pytest.raises(FileNotFoundError):
        reader.read(Location("memory://bucket/b", 0, 10))


def test_of_an_empty_member_of_a_remote_archive_nothing_is_read(
    memory: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe("/bucket/a.tar", bytes(2048))
    monkeypatch.setattr(reading, "read_span", None)
    assert Reader("memory://bucket").read(Location("a.tar", 512, 0)) == b""


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("ExpiredToken", Unreachable),
        ("RequestTimeTooSkewed", Unreachable),
        ("InvalidToken", Unreachable),
        ("AccessDenied", PermissionError),
        ("InvalidRange", BadSpan),
        ("416", BadSpan),
    ],
)
def test_wrong_credentials_say_nothing_about_a_file(
    code: str, found: type[OSError], memory: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As s3fs translates the answers of S3."""

    def refuse(*_: object) -> bytes:
        raise translate_boto_error(ClientError({"Error": {"Code": code, "Message": "no"}}, "GetObject"))

    memory.pipe("/bucket/a.tar", bytes(2048))
    monkeypatch.setattr(reading, "read_span", refuse)
    with pytest.raises(OSError, match=r"no|shorter") as raised:
        Reader("memory://bucket").read(Location("a.tar", 512, 10))
    assert type(raised.value) is found
