"""HEIC and HEIF, the format of phones, read through ``pillow-heif`` where that is installed (``codo-detect[heif]``).

libheif turns these images upright itself and gives 8 bits for 10 and 12, as Pillow does for AVIF. AVIF has the same
container, and is Pillow's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

from PIL import Image as Pillow

ENDINGS = frozenset({".heic", ".heif", ".hif"})
"""Extensions of such files, in lower case."""

EXTRA = "pip install 'codo-detect[heif]'"

HEAD = 64
"""First bytes of a file that `name_of` needs."""

_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_HEIF = frozenset({b"mif1", b"mif2", b"msf1"})
_AVIF = frozenset({b"avif", b"avis"})


def name_of(head: bytes) -> str:
    """``HEIC`` or ``HEIF`` for the first bytes of such a file; empty for all others."""
    if head[4:8] != b"ftyp":
        return ""
    brands = {head[8:12], *(head[i : i + 4] for i in range(16, min(int.from_bytes(head[:4]), len(head)) - 3, 4))}
    if brands & _AVIF:
        return ""
    return "HEIC" if brands & _HEIC else "HEIF" if brands & _HEIF else ""


def is_readable() -> bool:
    """Whether ``pillow-heif`` is installed."""
    try:
        import pillow_heif  # noqa: F401
    except ImportError:
        return False
    return True


def open_heif(file: IO[bytes]) -> Pillow.Image:
    """The primary image of a file, opened but not decoded; Pillow itself is not told of the format.

    Raises:
        Exception: The file is damaged; nearly any.
    """
    import pillow_heif

    opener: Callable[[IO[bytes]], Pillow.Image] = pillow_heif.HeifImageFile
    return opener(file)


def left_out_warning(ignored: dict[str, int]) -> str:
    """A warning about files that were left out for want of ``pillow-heif``; else an empty string.

    Args:
        ignored: Number of ignored files by extension.
    """
    count = sum(ignored.get(ending, 0) for ending in ENDINGS)
    return f"{count:,} HEIC or HEIF images were left out: {EXTRA} reads them" if count else ""
