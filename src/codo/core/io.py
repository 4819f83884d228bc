"""Files that are whole or not there, one writer at a time, and a full disk in plain words."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import IO, Any

from codo.core.errors import CodoError


@contextmanager
def open_atomically(path: Path, *, work: Path | None = None) -> Iterator[IO[bytes]]:
    """Write a file under another name, and rename it when it is complete and on disk.

    Whatever happens meanwhile, ``path`` is the old file or the new one.

    Args:
        path: The file.
        work: Folder on the same disk for the unfinished file, by default that of ``path``.

    Raises:
        OSError: The disk is full or not writable; it names ``path``, and the file is as it was.
    """
    temporary = temporary_path(path, work=work)
    try:
        with _naming(path):
            raw = _Unfinished(temporary, path)
        with BufferedWriter(raw) as file:
            yield file
            file.flush()
            with _naming(path):
                os.fsync(file.fileno())
        with _naming(path):
            temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader sees the old or the new content, never a part, whatever happens meanwhile.

    Raises:
        OSError: The disk is full or not writable; it names ``path``, and the file is as it was.
    """
    with open_atomically(path) as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)


def temporary_path(path: Path, *, work: Path | None = None, ending: str = "") -> Path:
    """Where a file lies until it is complete: hidden, and ending in ``.tmp`` unless a reader needs its own ending.

    The name tells host and process, so that jobs on several machines never write into each other's files.

    Args:
        path: The file.
        work: Folder on the same disk, by default that of ``path``.
        ending: What the name must end in, such as ``.pth``.
    """
    return (work or path.parent) / f".{path.name}.{socket.gethostname()}.{os.getpid()}.tmp{ending}"


def flush_to_disk(path: Path) -> None:
    """Wait until a file is on the disk: renamed before, it could be empty after a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


class _Unfinished(FileIO):
    """A file under a temporary name; a failed write names the file that it is to become."""

    def __init__(self, temporary: Path, final: Path) -> None:
        super().__init__(temporary, "wb")
        self.final = final

    def write(self, data: Any, /) -> int:
        with _naming(self.final):
            return super().write(data)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Errors that name ``path``: of itself a failed write names no file, and a failed open the temporary one."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def explain_full_disk(folder: Path) -> Iterator[None]:
    """Turn "no space left" and "quota exceeded" into an error that says how to go on.

    Raises:
        CodoError: The disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise CodoError(
            f"{os.strerror(error.errno).lower()}",
            where=str(folder),
            fix="free some space and run the same command again: it continues where it stopped",
        ) from error


class FileLock:
    """Keeps other processes, also on other machines, out of the same work.

    The lock is the kernel's, so it ends with the process however that ends. It is POSIX's: unlike that of ``flock`` it
    is not inherited by forks such as loader workers, which may outlive a killed run. Where a file system has no locks,
    as on some clusters, every process gets it: two would do the same work, and nothing worse.

    Args:
        path: An empty file for it, in a folder that exists; made when the lock is taken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def acquire(self, wait: float = 0) -> bool:
        """Take the lock, and hold it until `release` or the end of this process.

        Args:
            wait: Seconds to wait for another process.

        Returns:
            Whether it was taken: ``False`` when another process still holds it after ``wait`` seconds.
        """
        if self._file is not None:
            return True
        deadline = time.monotonic() + wait
        file = self.path.open("w")
        while True:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    break  # a file system without locks
                if time.monotonic() >= deadline:
                    file.close()
                    return False
            except BaseException:
                file.close()
                raise
            time.sleep(0.1)
        self._file = file
        return True

    def release(self) -> None:
        """Let other processes have it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def taken(self) -> bool:
        """Whether another process holds it. Not for a process that holds it itself by another `FileLock`."""
        if self._file is not None:
            return False
        try:
            with self.path.open() as file:
                fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # never taken, not readable, or a file system without locks
            return False
        return False
