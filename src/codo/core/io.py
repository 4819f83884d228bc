"""Files that are whole or not there, one writer at a time, and a full disk in plain words."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from codo.core.errors import CodoError, InputError


@contextmanager
def atomic(path: Path, *, work: Path | None = None) -> Iterator[IO[bytes]]:
    """Write a file under another name, and rename it when it is complete and on disk.

    Whatever happens meanwhile, ``path`` is the old file or the new one. The name in between tells host and process, so
    that jobs on several machines never write into each other's files.

    Args:
        path: The file.
        work: Folder on the same disk for the unfinished file, by default that of ``path``.
    """
    temporary = (work or path.parent) / f".{path.name}.{socket.gethostname()}.{os.getpid()}.tmp"
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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


@contextmanager
def exclusive_lock(lock: Path, *, wait: float) -> Iterator[None]:
    """Keep other processes, also on other machines, out of the same work.

    The lock is the kernel's and belongs to this process alone (not to its forks), so it ends with the process however
    that ends.

    Args:
        lock: An empty file for it, in a folder that exists.
        wait: Seconds to wait for the other process.

    Raises:
        InputError: Another process still holds it after ``wait`` seconds.
    """
    deadline = time.monotonic() + wait
    with lock.open("w") as file:
        while True:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    break  # a file system without locks: two would do the same work twice, and nothing worse
                if time.monotonic() >= deadline:
                    raise InputError(
                        "another codo prepare is writing here",
                        where=str(lock.parent),
                        fix="wait for it to end, or choose another --out",
                    ) from error
            time.sleep(0.1)
        yield
