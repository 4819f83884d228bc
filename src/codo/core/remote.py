"""A folder at an fsspec URL, in which no file is ever seen half-written."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple

import fsspec.asyn
import fsspec.exceptions
from fsspec.callbacks import Callback

from codo.core.errors import CodoError, InputError, class_and_line
from codo.core.io import flush_to_disk, temporary_path
from codo.core.paths import filesystem

PATIENCE, SLOWEST = 120.0, 1e6
"""Seconds for which a remote file is awaited, and bytes a second that it takes at least: s3fs alone would try a server
that does not answer for half an hour."""
BLOCK = 1 << 24
"""Bytes that are copied by one request."""
_APPEAR_WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "memory"})
"""Protocols of stores whose objects appear when they are complete. Elsewhere a file is written and then renamed."""


class RemoteFile(NamedTuple):
    """What a listing tells of a file.

    Attributes:
        size: In bytes.
        time: When it was written, in seconds since 1970; 0 where the store does not say.
    """

    size: int
    time: float


class RemoteFolder:
    """The files below a URL, by their names relative to it, with ``/``.

    Args:
        url: An fsspec URL, or a local folder.
        what: What it is, for messages.
        instead: What to do without it, for messages.

    Raises:
        InputError: The protocol is unknown, or its package is not installed.
    """

    def __init__(self, url: str, what: str = "the mirror", instead: str = "leave mirror= out") -> None:
        self.url, self._what, self._instead = url, what, instead
        self.fs, path = filesystem(url)
        self.root = path.rstrip("/")
        protocols = {self.fs.protocol} if isinstance(self.fs.protocol, str) else {*self.fs.protocol}
        self._appear_whole = bool(protocols & _APPEAR_WHOLE)

    def files(self) -> dict[str, RemoteFile]:
        """All files but hidden ones (temporary files of a killed process).

        Raises:
            InputError: The place does not exist, or it is not allowed to read there.
            CodoError: It cannot be reached.
        """
        try:
            self.fs.invalidate_cache()
            found = self.fs.find(self.root, detail=True)
        except Exception as error:
            raise self._unreachable(error) from error
        files = {path.removeprefix(self.root).lstrip("/"): _file(info) for path, info in found.items()}
        return {name: file for name, file in files.items() if _is_plain(name)}

    def file(self, name: str) -> RemoteFile:
        """One file; errors as for `files`."""
        try:
            return _file(self.fs.info(f"{self.root}/{name}"))
        except Exception as error:
            raise self._unreachable(error) from error

    def sizes(self) -> dict[str, int]:
        """Sizes in bytes of all `files`."""
        return {name: file.size for name, file in self.files().items()}

    def read(self, name: str) -> bytes:
        """A small file.

        Raises:
            InputError: It does not exist, or it is not allowed to read it.
            CodoError: It cannot be reached.
        """
        try:
            return bytes(self.fs.cat_file(f"{self.root}/{name}"))
        except Exception as error:
            raise self._unreachable(error) from error

    def put(self, path: Path, name: str, progress: Callable[[], None] = lambda: None) -> None:
        """Copy a local file there, over an older one.

        Args:
            path: The file.
            name: Its name there.
            progress: Called when some of it has arrived.

        Raises:
            Exception: That of the file system, after its own retries; what was there is unchanged.
        """
        watch = Callback(hooks={"progress": lambda *_, **__: progress()})
        self._place(name, lambda target: self.fs.put_file(str(path), target, callback=watch))

    def write(self, name: str, data: bytes) -> None:
        """Write a small file, as `put` does."""
        self._place(name, lambda target: self.fs.pipe_file(target, data))

    def _place(self, name: str, send: Callable[[str], None]) -> None:
        target = f"{self.root}/{name}"
        if self._appear_whole:
            send(target)
            return
        folder, _, last = target.rpartition("/")
        temporary = f"{folder}/.{last}.{socket.gethostname()}.{os.getpid()}.tmp"
        self.fs.makedirs(folder, exist_ok=True)
        send(temporary)
        self.fs.mv(temporary, target)

    def delete(self, name: str) -> None:
        """Delete a file; one that is gone is no error."""
        try:
            self.fs.rm_file(f"{self.root}/{name}")
        except FileNotFoundError:
            return

    def get(self, name: str, size: int, path: Path, arrived: Callable[[int], None] = lambda count: None) -> None:
        """Copy a file from there, block by block from begin to end; ``path`` appears when it is complete and on disk.

        A file system's own ``get_file`` may fetch parts of a large file at once, hold all of them, and not try again
        (s3fs 2026.9).

        Args:
            name: Its name there.
            size: Its length in bytes.
            path: Where to.
            arrived: Called with the number of bytes of each block; what it raises ends the copy.

        Raises:
            InputError: It does not exist, or it is not allowed to read it.
            CodoError: It cannot be reached, or it changed meanwhile.
            OSError: The disk is full.
        """
        temporary = temporary_path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                for start in range(0, size, BLOCK):
                    block = self._read_block(name, start, size)
                    file.write(block)
                    arrived(len(block))
            flush_to_disk(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def _read_block(self, name: str, start: int, size: int) -> bytes:
        end = min(start + BLOCK, size)
        try:  # one byte more at the end shows that the file has grown
            block = read_span(self.fs, f"{self.root}/{name}", start, end + (end == size))
        except Exception as error:
            raise self._unreachable(error) from error
        if len(block) != end - start:
            fix = "run the same command again; another run must not write there"
            raise CodoError(f"'{name}' changed while it was copied", where=self.url, fix=fix)
        return block

    def _unreachable(self, error: Exception) -> CodoError:
        what = class_and_line(error)
        if isinstance(error, FileNotFoundError | PermissionError) or type(error).__name__ == "NoCredentialsError":
            fix = f"check the URL and your access to it, or {self._instead}"
            return InputError(f"{self._what} cannot be read: {what}", where=self.url, fix=fix)
        fix = f"run the same command again once it can be reached, or {self._instead}"
        return CodoError(f"{self._what} cannot be reached: {what}", where=self.url, fix=fix)


def read_span(fs: Any, path: str, start: int | None = None, end: int | None = None) -> bytes:
    """Bytes ``start`` to ``end`` (exclusive) of a file by one request, which a server that does not answer ends.

    Raises:
        TimeoutError: There was no answer in time.
        Exception: That of the file system, after its own retries.
    """
    span = {} if end is None else {"start": start, "end": end}
    if not fs.async_impl:
        return bytes(fs.cat_file(path, **span))
    patience = PATIENCE + ((end or 0) - (start or 0)) / SLOWEST
    try:
        return bytes(fsspec.asyn.sync(fs.loop, fs._cat_file, path, timeout=patience, **span))
    except fsspec.exceptions.FSTimeoutError as error:
        raise TimeoutError(errno.ETIMEDOUT, f"no answer within {patience:.0f} seconds") from error


def _file(info: Mapping[str, Any]) -> RemoteFile:
    """From what fsspec tells of a file, whose time has another name in each file system."""
    names = ("LastModified", "Last-Modified", "last_modified", "mtime", "updated", "created")
    written = next((info[name] for name in names if info.get(name)), 0)
    if isinstance(written, str):
        written = _date(written)
    return RemoteFile(int(info["size"] or 0), written.timestamp() if isinstance(written, datetime) else float(written))


def _date(text: str) -> datetime | float:
    """A date as JSON or HTTP writes it; 0 for any other."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        with suppress(ValueError):
            return read(text)
    return 0.0


def _is_plain(name: str) -> bool:
    """Whether a name stays below its folder and is not hidden."""
    return bool(name) and not any(part.startswith(".") or not part for part in name.split("/"))
