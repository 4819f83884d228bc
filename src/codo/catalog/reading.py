"""Reading the bytes of images in place: whole files, spans of archives and tables; local, or by fsspec URL."""

from __future__ import annotations

import errno
import os
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from codo.catalog.pages import Page, decompress, file_of, page_of
from codo.core.errors import class_and_line, first_line
from codo.core.paths import filesystem, is_url, join
from codo.core.remote import read_span

CREDENTIALS = {
    *("ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "RequestTimeTooSkewed"),
    *("SignatureDoesNotMatch", "TokenRefreshRequired"),
}
"""What S3 answers to keys that are wrong or have expired, whatever the file. s3fs makes errors of it that an absent
permission or a bad range has too."""
LARGEST_FILE = 1 << 30
"""Larger files are refused, which bounds what a damaged or hostile file can make a process allocate."""


class Location(NamedTuple):
    """Where the bytes of an image are.

    Attributes:
        uri: The file or archive: an absolute path, an fsspec URL, or a path relative to the catalog. With a compressed
            page of a table behind it (pages.py), offset and size are those in the decompressed page.
        offset: Where the span begins; 0 exactly for a file of its own (an archive begins with a header).
        size: Length of the span in bytes; -1 for a file whose size was not looked up.
        deflated: Whether the span is a raw deflate stream, as zip archives hold it.
    """

    uri: str
    offset: int = 0
    size: int = -1
    deflated: bool = False

    @property
    def file(self) -> str:
        """The file that holds the bytes: ``uri`` without the page in it."""
        return file_of(self.uri)

    @property
    def is_compressed(self) -> bool:
        """Whether the bytes are in the file only in a compressed form."""
        return self.deflated or page_of(self.uri) is not None


class BadSpan(OSError):
    """The span exists but its contents have changed, are damaged, or are too large."""


class Unreachable(OSError):
    """A remote file cannot be read now, which says nothing about its contents: the network, the server, the access."""


def copy_path(folder: str | os.PathLike[str], url: str) -> str:
    """Where the copy of a remote file is: ``FOLDER/s3/bucket/shards/000.tar``."""
    protocol, _, place = url.partition("://")
    return os.path.join(folder, protocol, place.strip("/"))


class Reader:
    """Reads spans, and keeps the archives it reads from open.

    Each process opens files of its own at its first read. Reads are positional (``pread``), so threads may share a
    reader. At most ``handles`` files stay open. Of compressed pages the last one is kept: neighbors share it.

    Args:
        base: What relative locations are relative to.
        handles: The most files that are kept open.

    Attributes:
        copies: Folder with local copies of remote files, which are read instead; empty: none.
    """

    def __init__(self, base: str = "", handles: int = 32) -> None:
        self.base, self.handles = base, handles
        self.copies = ""
        self._reset()

    def place(self, file: str) -> str:
        """Where a file of a location is read: an absolute path or a URL."""
        file = file if os.path.isabs(file) else join(self.base, file)
        if self.copies and is_url(file) and os.path.exists(copy := copy_path(self.copies, file)):
            return copy
        return file

    def read(self, location: Location) -> bytes:
        """The bytes of one image file, inflated where needed.

        Raises:
            FileNotFoundError: The file is gone.
            BadSpan: The file changed its length, is damaged, or holds more than `LARGEST_FILE`.
            Unreachable: A remote file cannot be read, after the retries of its file system.
            OSError: Reading failed.
        """
        uri, offset, size, deflated = location
        if size > LARGEST_FILE:
            raise BadSpan(errno.EFBIG, f"{size / 1e9:.1f} GB, far more than an image")
        if "\0" in uri:
            raise BadSpan(errno.EINVAL, "its name has a zero byte, which no file has")
        if (page := page_of(uri)) is not None:
            data = self._decompressed(page._replace(file=self.place(page.file)))[offset : offset + size]
        else:
            uri = self.place(uri)
            data = self._read_url(uri, offset, size) if is_url(uri) else self._read_file(uri, offset, size)
        if size >= 0 and len(data) != size:
            longer = "longer" if len(data) > size else "shorter"
            raise BadSpan(errno.EIO, f"the file is {longer} than the {size} bytes it had")
        return _inflate(data) if deflated else data

    def _read_file(self, path: str, offset: int, size: int) -> bytes:
        if offset == 0:
            with open(path, "rb") as file:
                # One byte more than expected shows that the file has grown.
                data = file.read(size + 1 if size >= 0 else LARGEST_FILE + 1)
            if len(data) > LARGEST_FILE:
                raise BadSpan(errno.EFBIG, "over 1 GB, far more than an image")
            return data
        return os.pread(self._handle(path).fd, size, offset)

    def _read_url(self, url: str, offset: int, size: int) -> bytes:
        """The span, by one request; looked up in each process anew, as clients must not be shared with a fork."""
        if size == 0 and offset:
            return b""
        fs, path = filesystem(url)
        # Of a file of its own one byte more, which shows that it has grown. Without an end s3fs asks for the size.
        span = (offset, offset + size + (offset == 0)) if size > 0 else ()
        try:
            return read_span(fs, path, *span)
        except FileNotFoundError:
            raise
        except PermissionError as error:
            if _code(error) in CREDENTIALS:
                raise Unreachable(errno.EACCES, f"the credentials are not accepted: {first_line(error)}") from error
            raise
        except TimeoutError as error:
            raise Unreachable(errno.ETIMEDOUT, error.strerror or class_and_line(error)) from error
        except Exception as error:  # of the network, of any library
            invalid = isinstance(error, OSError) and error.errno == errno.EINVAL
            if invalid and _code(error) in ("", "416", "InvalidRange"):  # a range behind the end
                raise BadSpan(errno.EIO, f"the file is shorter than the {offset + size} bytes it had") from error
            raise Unreachable(errno.EIO, class_and_line(error)) from error

    def _handle(self, path: str) -> _Handle:
        if self._process != os.getpid():
            self._reset()  # after a fork: another thread may have held the lock
        with self._lock:
            handle = self._open.pop(path, None) or _Handle(path)
            self._open[path] = handle
            if len(self._open) > self.handles:
                self._open.popitem(last=False)
        return handle

    def _reset(self) -> None:
        self._process = os.getpid()
        self._lock, self._page_lock = threading.Lock(), threading.Lock()
        self._last_page: tuple[Page | None, bytes] = None, b""
        self._open: OrderedDict[str, _Handle] = OrderedDict()

    def _decompressed(self, page: Page) -> bytes:
        if self._process != os.getpid():
            self._reset()
        with self._page_lock:  # threads that read neighbors wait for one of them
            if self._last_page[0] != page:
                read = self._read_url if is_url(page.file) else self._read_file
                data = read(page.file, page.offset, page.size)
                if len(data) != page.size:
                    raise BadSpan(errno.EIO, f"the file ends in a page of {page.size} bytes that it had")
                try:
                    self._last_page = page, decompress(data, page)
                except OSError as error:
                    raise BadSpan(error.errno, error.strerror) from error
            return self._last_page[1]


def _code(error: BaseException) -> str:
    """The code of an answer of S3 behind an error; empty if there is none."""
    response = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


class _Handle:
    """An open file that is closed when the last read from it has ended, not when the cache drops it."""

    def __init__(self, path: str) -> None:
        self.fd = -1  # for __del__, should opening fail
        self.fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        # A default, as the module's names may be gone when the interpreter ends.
        if self.fd >= 0:
            close(self.fd)


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(data, LARGEST_FILE)
    except zlib.error as error:
        raise BadSpan(errno.EIO, f"damaged deflate stream ({error})") from error
    if inflater.unconsumed_tail:
        raise BadSpan(errno.EFBIG, "inflates to over 1 GB, far more than an image")
    if not inflater.eof:
        raise BadSpan(errno.EIO, "damaged deflate stream (it ends early)")
    return inflated
