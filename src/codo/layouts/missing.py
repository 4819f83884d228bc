"""Images that labels name but that are not there, left out with ``data.missing=skip``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from codo.core.errors import InputError

Missing = Literal["error", "skip"]


def missing_note(where: str, missing: Sequence[str], total: int) -> str:
    """A note on images that were left out; empty if there is none.

    Args:
        where: What was read.
        missing: Their names.
        total: Number of all images.

    Raises:
        InputError: None of the images is there.
    """
    if not missing:
        return ""
    if len(missing) == total:
        raise InputError(
            f"none of {total} images is there; the first: {missing[0]}",
            where=where,
            fix="copy the images there, or give their folder with data.images=DIR",
        )
    return f"{where}: {len(missing)} of {total} images are not there and were left out (data.missing=skip)"
