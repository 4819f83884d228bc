"""Pictures cut into tiles, each an image of the catalog (the setting ``tiles``).

A TIFF on a local disk that is stored in tiles or strips is never in memory as a whole: its levels of black and white
are measured window by window, then each tile is read by itself. All other pictures are decoded once and cut; if they
have more than ``max_megapixels``, one process of a preparation at a time does that, so that memory is bounded by one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from codo.catalog.content import content_hash, hash_span
from codo.catalog.decode import InvalidImage, Limits, check_size, decode_checked, size_of
from codo.catalog.reading import Location
from codo.catalog.rejection import named_damage
from codo.core.io import FileLock
from codo.core.paths import is_url
from codo.preparation.manifest import Item
from codo.preparation.prepare_settings import PrepareSettings
from codo.preparation.rows import Specials, make_row
from codo.rasters.multiband import BandPicture
from codo.rasters.tiff import Raster, Window, open_in_parts
from codo.rasters.tiles import cells, tiles
from codo.views.lazy_image import Image

TIMES_WHOLE = 5
"""Pictures that are decoded as a whole may have this many times ``max_megapixels``."""

_NO_SIDE = 1 << 31


def open_tiled(item: Item) -> Raster | None:
    """The file of an item, if its windows can be read without the rest.

    Raises:
        OSError: It cannot be read.
    """
    place = Location(item.uri, item.offset, item.size, item.deflated)
    if item.problem or place.is_compressed or is_url(item.uri):
        return None
    return open_in_parts(item.uri, item.offset, item.size)


def examine_tiles(
    item: Item, data: bytes | Raster, settings: PrepareSettings, tar: IO[bytes] | None, specials: Specials, lock: Path
) -> list[dict[str, Any]]:
    """The rows of a picture's tiles; a picture that is no larger than a tile is one row.

    Args:
        item: The member of the source.
        data: Its file, or that opened by `open_tiled`, which is closed.
        settings: Those of the preparation.
        tar: Shard that gets smaller copies; if the picture is rejected, it is as before.
        specials: Gets what is special about the picture.
        lock: Lock file of large pictures.

    Raises:
        InvalidImage: The picture cannot be used.
    """
    start = tar.tell() if tar is not None else 0
    try:
        if isinstance(data, bytes):
            return _whole(item, data, settings, tar, specials, lock)
        with data as raster:
            return _in_parts(item, raster, settings, tar, specials)
    except BaseException:
        if tar is not None:
            tar.seek(start)
            tar.truncate()
        raise


def _in_parts(
    item: Item, raster: Raster, settings: PrepareSettings, tar: IO[bytes] | None, specials: Specials
) -> list[dict[str, Any]]:
    assert settings.tiles is not None
    check_size(raster.width, raster.height, Limits(settings.min_side, math.inf, _NO_SIDE))
    width, height, rules = raster.width, raster.height, settings.pixel_rules
    with named_damage():
        picture = BandPicture(raster, rules)
        picture.look(cells(width, height, settings.tiles))
        digest = hash_span(item.uri, item.offset, item.size)
        size = item.size if item.size >= 0 else os.stat(item.uri).st_size
    windows = tiles(width, height, settings.tiles, settings.tile_overlap)
    whole = len(windows) == 1
    levels = picture.levels if picture.measured and not whole else ()
    rows = []
    for window in windows:
        with named_damage():
            image = picture.window(window)
        tile = None if whole else window
        rows.append(make_row(item, image, digest, size, settings, tar, tile=tile, levels=levels))
    specials.add(picture.depth, picture.many)
    return rows


def _whole(
    item: Item, data: bytes, settings: PrepareSettings, tar: IO[bytes] | None, specials: Specials, lock: Path
) -> list[dict[str, Any]]:
    assert settings.tiles is not None
    limits = Limits(settings.min_side, TIMES_WHOLE * settings.max_megapixels, _NO_SIDE)
    if not data:
        raise InvalidImage("empty: zero bytes", is_image=False)
    height, width, _ = size_of(data, limits)
    with _alone(lock if width * height > settings.max_megapixels * 1e6 else None):
        image, orientation, depth, bands, levels = decode_checked(data, limits, settings.pixel_rules)
        digest, size = content_hash(data), item.size if item.size >= 0 else len(data)
        windows = tiles(image.shape[1], image.shape[0], settings.tiles, settings.tile_overlap)
        rows = []
        for window in windows:
            tile = window if len(windows) > 1 else None
            part = _cut(image, window)
            known = levels if tile is not None else ()
            row = make_row(item, part, digest, size, settings, tar, orientation=orientation, tile=tile, levels=known)
            rows.append(row)
    specials.add(depth, bands)
    specials.whole += len(windows) > 1
    return rows


def _cut(image: Image, window: Window) -> Image:
    x, y, width, height = window
    return np.ascontiguousarray(image[y : y + height, x : x + width])


@contextmanager
def _alone(path: Path | None) -> Iterator[None]:
    lock = FileLock(path) if path is not None else None
    if lock is not None:
        lock.acquire(math.inf)
    try:
        yield
    finally:
        if lock is not None:
            lock.release()
