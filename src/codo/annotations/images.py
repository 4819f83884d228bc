"""The image files of labeled data: their sizes and pixels, checked against the annotations."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codo.annotations.records import Annotations
from codo.catalog import heif
from codo.catalog.bit_depth import depth_warning, summarize
from codo.catalog.decode import Decoded, InvalidImage, Limits, decode_checked, stored_size
from codo.core.errors import InputError
from codo.layouts.entries import FileEntries
from codo.rasters.multiband import band_note
from codo.views.lazy_image import Image

THREADS = 8
"""Threads that read image sizes; most of the time they wait for the disk."""

TILES = "cut such images into tiles, and their labels with them, or resize images and labels together"

RESIZE = "resize image and annotations together; the EXIF orientation of the file is applied"


def read_sizes(images: Sequence[Path]) -> npt.NDArray[np.int32]:
    """Height and width ``(n, 2)`` of images in pixels, with their EXIF orientation applied; only headers are read.

    Raises:
        InputError: See `read_stored_sizes`.
    """
    return upright_sizes(read_stored_sizes(images))


def upright_sizes(stored: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Height and width ``(n, 2)`` with the orientation applied, from what `read_stored_sizes` returns."""
    turned = stored[:, 2] >= 5
    sizes: npt.NDArray[np.int32] = np.where(turned[:, None], stored[:, 1::-1], stored[:, :2])
    return sizes


def read_stored_sizes(images: Sequence[Path], *, tolerant: bool = False) -> npt.NDArray[np.int32]:
    """Height and width as stored, and EXIF orientation from 1 to 8, ``(n, 3)``; only headers are read.

    Args:
        images: The files.
        tolerant: Whether images that cannot be read are zeros, not errors.

    Raises:
        InputError: Images that cannot be read, or are too large to be decoded; names the first and how many there are.
    """

    def size(path: Path) -> tuple[int, int, int] | str:
        try:
            return stored_size(path)
        except (OSError, InvalidImage) as error:
            return str(error)

    with warnings.catch_warnings(), ThreadPoolExecutor(THREADS) as pool:
        warnings.simplefilter("ignore")  # about unusual metadata, and sizes, which are checked here
        found = list(pool.map(size, images))
    if tolerant:
        found = [(0, 0, 0) if isinstance(one, str) else one for one in found]
    wrong = {i: one for i, one in enumerate(found) if isinstance(one, str)}
    large = [i for i, one in wrong.items() if one.startswith("too large")]
    entries = FileEntries("image", images)
    entries.refuse(large, "that cannot be decoded", TILES, wrong.__getitem__)
    entries.refuse([i for i, one in wrong.items() if one.endswith(heif.EXTRA)], "in HEIC", heif.EXTRA)
    entries.refuse(wrong, "that cannot be read", "repair it, or remove it and its labels", wrong.__getitem__)
    return np.array(found, dtype=np.int32).reshape(-1, 3)


def read_image(annotations: Annotations, i: int) -> Image:
    """Image ``i``, uint8 ``(H, W, 3)`` RGB, with its EXIF orientation applied.

    Raises:
        InputError: Not readable, or of another size than the annotations say.
    """
    return _read(annotations, i).image


def _read(annotations: Annotations, i: int) -> Decoded:
    path = annotations.path(i)
    try:
        decoded = decode_checked(path.read_bytes(), Limits(), annotations.pixel_rules)
    except (OSError, InvalidImage) as error:
        raise InputError(f"cannot read an image: {error}", where=str(path), fix="repair it, or remove it") from error
    height, width = annotations.sizes[i]
    image = decoded.image
    if image.shape[:2] != (height, width):
        raise InputError(
            f"the image is {image.shape[1]} x {image.shape[0]} pixels, its annotations are for {width} x {height}",
            where=str(path),
            fix=RESIZE,
        )
    return decoded


def check_some_images(annotations: Annotations, count: int = 16) -> list[str]:
    """Decode a few images spread over the data set, to find systematic damage before a run starts.

    Returns:
        Warnings about images of more than 8 bits (`depth_warning`) and of more than three bands.

    Raises:
        InputError: See `read_image`.
    """
    read = [_read(annotations, int(i)) for i in np.unique(np.linspace(0, len(annotations) - 1, count).astype(int))]
    depth = depth_warning(summarize(one.depth for one in read if one.depth is not None), "data.value_range")
    bands = Counter(str(one.bands) for one in read if one.bands)
    many = band_note(bands, "data.bands") if bands and annotations.pixel_rules.bands is None else ""
    told = f"(of {len(read)} images that were looked at)"
    return [f"{annotations.source}: {warning} {told}" for warning in (depth, many) if warning]


def shared_images(train: Annotations, val: Annotations) -> str:
    """A warning about image files that are in both splits; else an empty string."""
    in_train = set(_files(train))
    both = [i for i, file in enumerate(_files(val)) if file in in_train]
    if not both:
        return ""
    return (
        f"{val.source}: {len(both)} of {len(val)} evaluation images are also training images "
        f"(the first: {val.file_names[both[0]]}); results on them do not hold for new images"
    )


def _files(annotations: Annotations) -> list[str]:
    """The path of every image file with links of the folder resolved; links of single files are not, for speed."""
    folder = os.path.realpath(annotations.folder or ".")
    return [os.path.normpath(os.path.join(folder, name)) for name in annotations.file_names.tolist()]
