"""Compressed pages of Parquet files as places of images.

The location of an image in one has the page in its uri, ``train.parquet#page=OFFSET,SIZE,LENGTH,CODEC``: where the page
begins in the file, its bytes there and decompressed, and the compression by pyarrow's name; offset and size of the
location are those within the decompressed page. A page has to be decompressed as a whole for one image.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

SLOW_PAGE = 1_000_000
"""Bytes of a page that take about as long to decompress as an image does to decode."""

LARGEST_PAGE = 1 << 30
"""Larger pages are refused, which bounds what a damaged or hostile file can make a process allocate."""

_PAGE = re.compile(r"(.+)#page=(\d+),(\d+),(\d+),([a-z0-9_]+)")


class Page(NamedTuple):
    """A compressed page.

    Attributes:
        file: The file that it is in.
        offset: Where it begins there.
        size: Its number of bytes there.
        length: Its number of bytes when it is decompressed.
        codec: Name of the compression in pyarrow.
    """

    file: str
    offset: int
    size: int
    length: int
    codec: str

    @property
    def uri(self) -> str:
        """The page as the uri of a location."""
        return f"{self.file}#page={self.offset},{self.size},{self.length},{self.codec}"


def page_of(uri: str) -> Page | None:
    """The page that a uri names; ``None`` for a file."""
    if "#page=" not in uri or not (found := _PAGE.fullmatch(uri)):
        return None
    file, offset, size, length, codec = found.groups()
    return Page(file, int(offset), int(size), int(length), codec)


def file_of(uri: str) -> str:
    """The file or archive that a uri names, without the page in it."""
    page = page_of(uri)
    return page.file if page else uri


def slow_pages_warning(uris: Sequence[str]) -> str:
    """What is slow about images in compressed pages that are larger than a large image; empty if there are none.

    Args:
        uris: Those of some images.
    """
    lengths = [page.length for uri in uris if (page := page_of(uri))]
    if not lengths or (mean := sum(lengths) / len(lengths)) < SLOW_PAGE:
        return ""
    return (
        f"images are in compressed pages of {mean / 1e6:.1f} MB, and one is decompressed for each image that training "
        "reads; pack=SIDE stores them by themselves, as does writing the table without compression"
    )


def decompress(data: bytes, page: Page) -> bytes:
    """The decompressed bytes of a page.

    Raises:
        OSError: They are damaged, or the compression is not known.
    """
    if page.length > LARGEST_PAGE:
        raise OSError(errno.EFBIG, "a compressed page of over 1 GB")
    try:
        return bytes(pa.decompress(data, page.length, codec=page.codec, asbytes=True)) if page.length else b""
    except (pa.ArrowException, OSError, ValueError) as error:
        raise OSError(errno.EIO, f"damaged page, compressed with {page.codec}") from error
