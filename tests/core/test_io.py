"""Files that are whole or not there, locks that end with their process, a full disk in plain words."""

from __future__ import annotations

import errno
import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from codo.core.errors import CodoError
from codo.core.io import (
    FileLock,
    explain_full_disk,
    flush_to_disk,
    open_atomically,
    remove_temporary,
    temporary_path,
    write_atomically,
)


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="stop"), open_atomically(path) as file:  # noqa: PT012
        file.write(b"half of the n")
        raise ValueError("stop")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
    assert path.read_bytes() == b"old"
    with open_atomically(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


@pytest.fixture
def dead() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_what_a_killed_process_left_of_a_file_goes_when_it_is_written_again(tmp_path: Path, dead: int) -> None:
    path, host = tmp_path / "a[1].pt", socket.gethostname()
    for name in (f".{path.name}.{host}.{dead}.tmp", f".{path.name}.{host}.{dead}.tmp.pth"):
        (tmp_path / name).write_text("half")
    others = {
        f".{path.name}.{host}.{os.getppid()}.tmp",  # of a process that runs
        f".{path.name}.other.{dead}.tmp",  # of another machine
        f".a1.pt.{host}.{dead}.tmp",  # of another file
        f".{path.name}.tmp",  # of another program
    }
    for name in others:
        (tmp_path / name).write_text("half")
    write_atomically(path, "new")
    assert {entry.name for entry in tmp_path.iterdir()} == {path.name, *others}


def test_in_a_locked_folder_those_of_other_machines_go_too(tmp_path: Path, dead: int) -> None:
    host = socket.gethostname()
    kept = {"a.tmp", ".b.tmp", f".c.{host}.{os.getppid()}.tmp"}
    for name in {f".a.{host}.{dead}.tmp", ".b.other.host.7.tmp", f".d.{host}.{os.getpid()}.tmp.pth"} | kept:
        (tmp_path / name).write_text("half")
    remove_temporary(tmp_path, others=True)
    assert {entry.name for entry in tmp_path.iterdir()} == kept
    remove_temporary(tmp_path / "none")


def test_text_and_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    write_atomically(tmp_path / "text", "größe\n")
    write_atomically(tmp_path / "bytes", b"\x00\r\n")
    assert (tmp_path / "text").read_bytes() == "größe\n".encode()
    assert (tmp_path / "bytes").read_bytes() == b"\x00\r\n"


@contextmanager
def room(limit: int) -> Iterator[None]:
    """Files may not grow above ``limit`` bytes, as on a disk that is full by then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [200_000, 101_000])  # found out by a write, and only by the last flush
def test_a_failed_write_names_the_file_and_leaves_it_alone(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file.txt"
    write_atomically(path, "old")
    too_large = pytest.raises(OSError, match="File too large")
    with room(100_000), too_large as caught, open_atomically(path) as file:
        for _ in range(size // 1000):
            file.write(b"x" * 1000)
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.txt"]


def test_a_folder_that_is_missing_is_reported_by_the_files_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        write_atomically(tmp_path / "none" / "file.txt", b"")
    assert caught.value.filename == str(tmp_path / "none" / "file.txt")


def test_errors_of_others_keep_their_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, open_atomically(tmp_path / "a") as file:
        file.write((tmp_path / "source").read_bytes())
    assert caught.value.filename == str(tmp_path / "source")
    with pytest.raises(ConnectionResetError) as reset, open_atomically(tmp_path / "a"):
        raise ConnectionResetError(errno.ECONNRESET, "reset")
    assert reset.value.filename is None


def test_a_temporary_name_tells_host_and_process(tmp_path: Path) -> None:
    path = temporary_path(tmp_path / "a.txt")
    assert path.parent == tmp_path
    assert path.name == f".a.txt.{socket.gethostname()}.{os.getpid()}.tmp"
    assert temporary_path(tmp_path / "a.pth", ending=".pth").suffix == ".pth"
    assert temporary_path(tmp_path / "a", work=tmp_path / "w").parent == tmp_path / "w"


def test_the_unfinished_file_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    with open_atomically(tmp_path / "a", work=tmp_path / "w") as file:
        file.write(b"new")
        assert not (tmp_path / "a").exists()
        assert list((tmp_path / "w").iterdir()) == [temporary_path(tmp_path / "a", work=tmp_path / "w")]
    assert (tmp_path / "a").read_bytes() == b"new"
    assert list((tmp_path / "w").iterdir()) == []


def test_flushing_changes_nothing_and_needs_the_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    flush_to_disk(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"a"
    with pytest.raises(FileNotFoundError):
        flush_to_disk(tmp_path / "b")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk(tmp_path: Path, number: int) -> None:
    with pytest.raises(CodoError) as caught, explain_full_disk(tmp_path):
        raise OSError(number, os.strerror(number))
    assert caught.value.exit_code == 1
    assert len(caught.value.lines()) == 3


def test_other_errors_are_not_explained_away(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), explain_full_disk(tmp_path):
        raise PermissionError(errno.EACCES, "denied")


@pytest.fixture
def held(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds ``tmp_path / "lock"`` until it is killed."""
    code = (
        "import sys, time; from pathlib import Path; from codo.core.io import FileLock\n"
        "lock = FileLock(Path(sys.argv[1])); print(lock.acquire(), flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "lock")], stdout=subprocess.PIPE)
    assert holder.stdout
    assert holder.stdout.readline() == b"True\n"
    yield holder
    holder.kill()
    holder.wait()
    holder.stdout.close()


def test_one_at_a_time_and_never_for_ever(tmp_path: Path, held: subprocess.Popen[bytes]) -> None:
    lock = FileLock(tmp_path / "lock")
    assert lock.taken
    assert not lock.acquire()
    assert not lock.acquire(wait=0.2)
    assert not lock.acquire()  # a try that failed leaves nothing behind
    held.kill()
    held.wait()
    assert not lock.taken
    assert lock.acquire()
    lock.release()


def test_who_waits_gets_it_when_the_other_ends(tmp_path: Path, held: subprocess.Popen[bytes]) -> None:
    lock = FileLock(tmp_path / "lock")
    threading.Timer(0.2, held.kill).start()
    assert lock.acquire(wait=60)
    lock.release()


def test_asking_does_not_let_go(tmp_path: Path) -> None:
    """POSIX lets go of a lock when any handle of the file is closed, also one that was opened to ask."""
    lock = FileLock(tmp_path / "lock")
    assert lock.acquire()
    assert not lock.taken
    assert lock.acquire()
    code = "import sys; from pathlib import Path; from codo.core.io import FileLock; "
    code += "print(FileLock(Path(sys.argv[1])).taken)"
    command = [sys.executable, "-c", code, str(lock.path)]
    assert subprocess.check_output(command) == b"True\n"
    lock.release()
    assert subprocess.check_output(command) == b"False\n"


def test_asking_makes_no_file(tmp_path: Path) -> None:
    assert not FileLock(tmp_path / "lock").taken
    assert not FileLock(tmp_path / "absent" / "lock").taken
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks_is_tolerated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.lockf", refuse)
    lock = FileLock(tmp_path / "lock")
    assert not lock.taken
    assert lock.acquire()
    assert FileLock(tmp_path / "lock").acquire()
