"""The pixels of labelled images."""

from __future__ import annotations

import numpy as np

from codo.annotations.records import Annotations
from codo.catalog.decode import Image, Rejected, decode
from codo.errors import InputError


def read_image(annotations: Annotations, i: int) -> Image:
    """Image ``i``, uint8 ``(H, W, 3)`` RGB, upright.

    Raises:
        InputError: Not readable, or of another size than the annotations say: their boxes would be wrong.
    """
    path = annotations.path(i)
    try:
        image = decode(path.read_bytes())
    except (OSError, Rejected) as error:
        raise InputError(f"cannot read an image: {error}", where=str(path), fix="repair it, or take it out") from error
    height, width = annotations.sizes[i]
    if image.shape[:2] != (height, width):
        raise InputError(
            f"the image is {image.shape[1]} x {image.shape[0]} pixels, its annotations are for {width} x {height}",
            where=str(path),
            fix="resize image and annotations together; an EXIF orientation in the file counts",
        )
    return image


def check_some_images(annotations: Annotations, count: int = 16) -> None:
    """Read a few images spread over the data set: systematic mistakes show before a run starts.

    Raises:
        InputError: See `read_image`.
    """
    for i in np.unique(np.linspace(0, len(annotations) - 1, count).astype(int)):
        read_image(annotations, int(i))
