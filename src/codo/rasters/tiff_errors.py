"""What can be wrong with a TIFF, told apart from faults of this program and of the machine."""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

_BY_DAMAGE = (
    ArithmeticError,
    EOFError,
    LookupError,
    RuntimeError,  # codecs of imagecodecs
    TypeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    zlib.error,
)
"""What tifffile raises for damaged files: it computes with the values of a header before they are checked."""


class UnreadableTiff(Exception):
    """The file has no bands that can be read; the message says why, and what to install."""


class DamagedTiff(Exception):
    """The file is cut off or damaged; the message says how."""


@contextmanager
def told_as_damage() -> Iterator[None]:
    """Around calls of tifffile: what it raises for damaged files as `DamagedTiff`; all other faults as they are.

    Raises:
        DamagedTiff: The file is damaged.
    """
    try:
        yield
    except Exception as error:
        # TiffFileError is a ValueError in later versions of tifffile only (2025.10, not yet 2025.6).
        if not isinstance(error, (*_BY_DAMAGE, import_module("tifffile").TiffFileError)):
            raise
        raise DamagedTiff(str(error) or type(error).__name__) from error
