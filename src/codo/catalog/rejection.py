"""Why an image file is rejected, in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from codo.rasters.tiff_errors import DamagedTiff, UnreadableTiff


class InvalidImage(Exception):
    """The file is not an image that can be used.

    Args:
        reason: ``KIND: details``, where the kind is one of ``empty``, ``unreadable``, ``truncated``, ``corrupt``,
            ``too small``, ``too large``, ``missing``.
        is_image: ``False`` when the bytes do not look like an image at all.
    """

    def __init__(self, reason: str, *, is_image: bool = True) -> None:
        self.reason, self.is_image = reason, is_image
        super().__init__(reason)

    def __reduce__(self) -> tuple[object, ...]:
        return (InvalidImage, (self.reason,), {"is_image": self.is_image})


def damaged(error: Exception) -> InvalidImage:
    """The rejection for an exception of Pillow's; a damaged file can raise nearly any."""
    message = str(error).replace("\n", " ") or type(error).__name__
    if "truncated" in message.lower() or "end of file" in message or isinstance(error, EOFError):
        return InvalidImage("truncated: the file ends before the image does")
    return InvalidImage(f"corrupt: {message}")


@contextmanager
def named_damage() -> Iterator[None]:
    """Around the reading of a raster: what is wrong with its file as a rejection.

    Raises:
        InvalidImage: The file is damaged or cannot be read.
    """
    try:
        yield
    except UnreadableTiff as error:
        raise InvalidImage(f"unreadable: {error}") from error
    except DamagedTiff as error:
        raise damaged(error) from error
    except OSError as error:
        raise InvalidImage(f"unreadable: {error.strerror or error}") from error
