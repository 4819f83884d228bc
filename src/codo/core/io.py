"""Atomic writes, locks between processes, and the error message for a full disk."""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import IO, Any

from codo.core.errors import CodoError

_TEMPORARY = re.compile(r"(?P<start>\..+)\.(?P<process>\d+)\.tmp(\.\w+)?")
"""Names of `temporary_path`; host and file name may both contain dots."""


@contextmanager
def open_atomically(path: Path, *, work: Path | None = None, tidy: bool = True) -> Iterator[IO[bytes]]:
    """Write a file under a temporary name, and rename it when it is complete and on disk.

    ``path`` always holds the complete old file or the complete new one, also after a crash.

    Args:
        path: The file.
        work: Folder on the same disk for the temporary file, by default that of ``path``.
        tidy: First remove what killed processes have left of this file. That lists the folder: not for one of
            thousands of files in a folder that is removed as a whole.

    Raises:
        OSError: The disk is full or not writable; the error names ``path``, and the old file is unchanged.
    """
    temporary = temporary_path(path, work=work)
    if tidy:
        remove_temporary(temporary.parent, path.name)
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
    """Write a file atomically: a reader sees the old or the new content, never a part, also after a crash.

    Raises:
        OSError: The disk is full or not writable; the error names ``path``, and the old file is unchanged.
    """
    with open_atomically(path) as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)


def temporary_path(path: Path, *, work: Path | None = None, ending: str = "") -> Path:
    """The temporary name of a file that is being written: hidden, ending in ``.tmp`` plus ``ending``.

    The name contains host and process id, so jobs on several machines never write to the same file.

    Args:
        path: The file.
        work: Folder on the same disk, by default that of ``path``.
        ending: Extension that readers of the format need, such as ``.pth``.
    """
    return (work or path.parent) / f".{path.name}.{socket.gethostname()}.{os.getpid()}.tmp{ending}"


def remove_temporary(folder: Path, name: str = "", *, others: bool = False) -> None:
    """Remove the temporary files that killed processes of this machine have left in a folder.

    Args:
        folder: The folder; it need not exist.
        name: The file that they were to become; any if it is empty.
        others: Remove also those of other machines and of this process: only while holding a lock that keeps every
            other writer out.
    """
    here = f".{socket.gethostname()}."
    with suppress(OSError):
        for path in folder.glob(f".{glob.escape(name) or '*'}.*.tmp*"):
            if made := _TEMPORARY.fullmatch(path.name):
                process, is_here = int(made["process"]), f"{made['start']}.".endswith(here)
                if ((is_here and process != os.getpid()) or others) and not (is_here and _is_running(process)):
                    path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    """Whether another process of this machine has this id."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        return True
    return process != os.getpid()


def flush_to_disk(path: Path) -> None:
    """Wait until a file is on disk: a file that is renamed before that may be empty after a power failure."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


class _Unfinished(FileIO):
    """A file under a temporary name; errors of failed writes name the final file."""

    def __init__(self, temporary: Path, final: Path) -> None:
        super().__init__(temporary, "wb")
        self.final = final

    def write(self, data: Any, /) -> int:
        with _naming(self.final):
            return super().write(data)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Make errors name ``path``: a failed write otherwise names no file, and a failed open the temporary one."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def explain_full_disk(folder: Path) -> Iterator[None]:
    """Turn "no space left" and "quota exceeded" into an error with advice on how to continue.

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
            fix="free disk space, then run the same command again to resume",
        ) from error


class FileLock:
    """A lock between processes, also on different machines.

    The kernel holds the lock, so it is released however the process ends. It is a POSIX lock: unlike one of ``flock``,
    it is not inherited by forked processes such as loader workers, which may outlive a killed run. On file systems that
    do not support locks, as on some clusters, every process acquires it: two may then do the same work, which is
    wasteful but not harmful.

    Args:
        path: An empty file, created when the lock is acquired; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def acquire(self, wait: float = 0) -> bool:
        """Acquire the lock, and hold it until `release` or the end of this process.

        Args:
            wait: Seconds to wait for another process.

        Returns:
            Whether the lock was acquired: ``False`` when another process still holds it after ``wait`` seconds.
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
        """Release the lock."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def taken(self) -> bool:
        """Whether another process holds the lock; wrong if this process holds it through another `FileLock` object."""
        if self._file is not None:
            return False
        try:
            with self.path.open() as file:
                fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # never acquired, not readable, or a file system without locks
            return False
        return False
