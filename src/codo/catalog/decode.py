"""Decoding image files to RGB, with a reason for every one that is rejected.

The result is always uint8 RGB ``(H, W, 3)``, turned upright by its EXIF orientation:

* gray, 1-bit and palette images: their colors
* alpha: composited over white, as browsers do (colors under transparent pixels are arbitrary, often black)
* CMYK, YCCK: Pillow's conversion; color profiles are ignored, as everywhere in training pipelines
* more than 8 bits: by a range that is given for all images, or else a rule for each (rasters/levels.py)
* animations and multi-page files: the first frame
* HEIC and HEIF: where ``pillow-heif`` is installed (heif.py)
"""

from __future__ import annotations

import io
import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import simplejpeg
from PIL import Image as Pillow
from PIL import ImageFile, UnidentifiedImageError

from codo.catalog import heif
from codo.catalog.rejection import InvalidImage as InvalidImage
from codo.catalog.rejection import damaged, named_damage
from codo.models.pixel_rules import DEFAULT_RULES, PixelRules
from codo.rasters.alpha import rgb
from codo.rasters.deep_files import color_to_8_bits, is_deep, is_deep_color, is_signed, to_8_bits
from codo.rasters.levels import Depth, Level, keeps_upper_bytes
from codo.rasters.multiband import read_multiband
from codo.rasters.pillow_files import is_for_pillow, pillow_bands
from codo.rasters.tiff import Raster, is_tiff
from codo.views.lazy_image import Image

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
"""Formats that Pillow may try; none of them runs another program, as EPS does."""

LONGEST_SIDE = 65500
"""The longest side a JPEG can have; boxes are stored as uint16."""

_ORIENTATION = 0x0112  # EXIF tag
_WIDTH, _HEIGHT = 256, 257  # TIFF tags
_JPEG = b"\xff\xd8\xff"


class Limits(NamedTuple):
    """Sizes beyond which an image is rejected, in pixels a side and in millions of pixels."""

    min_side: int = 1
    max_megapixels: float = 100
    longest_side: int = LONGEST_SIDE


ORDINARY = Limits()
UNLIMITED = Limits(1, math.inf, 1 << 31)
_BOMB_LOCK = threading.Lock()


class Decoded(NamedTuple):
    """An upright image, and what was found.

    Attributes:
        image: uint8 RGB ``(H, W, 3)``.
        orientation: The EXIF orientation, 1 to 8, that was undone.
        depth: Its values, if it has more than 8 bits.
        bands: Number of its bands, if there are more than three; else 0.
        levels: Black, white and missing value of its bands, if they were found in it.
    """

    image: Image
    orientation: int
    depth: Depth | None = None
    bands: int = 0
    levels: tuple[Level, ...] = ()


def decode(
    data: bytes, orientation: int | None = None, rules: PixelRules = DEFAULT_RULES, limits: Limits = ORDINARY
) -> Image:
    """Decode an image file.

    Args:
        data: The bytes of the file.
        orientation: Its EXIF orientation where that is known, which saves parsing the metadata.
        rules: Bands and values that become colors.
        limits: Of its size.

    Returns:
        Upright RGB, uint8 ``(H, W, 3)``, contiguous.

    Raises:
        InvalidImage: It is not an image, damaged, or beyond the limits.
    """
    if orientation is not None and data[:3] == _JPEG:
        image = _jpeg(data, limits)
        if image is not None:
            return upright(image, orientation)
    return decode_checked(data, limits, rules).image


def stored_size(path: Path) -> tuple[int, int, int]:
    """Height and width in pixels as they are stored, before the EXIF orientation (1 to 8), and that orientation.

    Raises:
        InvalidImage: It is not an image, or over 100 megapixels, which `decode` would refuse.
        OSError: It cannot be read.
    """
    with path.open("rb") as head:
        return _size(head, str(path), Limits())


def size_of(data: bytes, limits: Limits) -> tuple[int, int, int]:
    """What `stored_size` returns for the bytes of a file; raises likewise."""
    return _size(io.BytesIO(data), data, limits)


def _size(head: IO[bytes], source: str | bytes, limits: Limits) -> tuple[int, int, int]:
    try:
        file = _open(head, limits)
    except InvalidImage as error:
        head.seek(0)
        if not is_tiff(head.read(4)) or error.reason.startswith("too large"):
            raise
        with named_damage(), Raster(source) as raster:  # bands that Pillow does not know
            width, height, orientation = raster.width, raster.height, raster.orientation
    else:
        (width, height), orientation = size_before_turning(file), _orientation(file)
    check_size(width, height, limits)
    return height, width, orientation


def size_before_turning(file: Pillow.Image) -> tuple[int, int]:
    """Width and height of an opened file as it is stored.

    Pillow turns TIFFs itself. Before version 11.0 ``size`` is that of the stored image until pixels are loaded, since
    then it is the turned one from the start; the tags of the file are the same in all versions.
    """
    tags = getattr(file, "tag_v2", None)
    if file.format == "TIFF" and tags is not None and _WIDTH in tags and _HEIGHT in tags:
        return int(tags[_WIDTH]), int(tags[_HEIGHT])
    return file.size


def decode_checked(data: bytes, limits: Limits, rules: PixelRules = DEFAULT_RULES) -> Decoded:
    """Decode and check an image file for the first time; ``rules`` as in `decode`.

    Raises:
        InvalidImage: It is not an image, damaged, or of a size beyond ``limits`` (checked before pixels are decoded).
    """
    if not data:
        raise InvalidImage("empty: zero bytes", is_image=False)
    # Truncated files must fail here even where the embedding program has told Pillow to pad them.
    tolerated, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata, and sizes, which are checked here
            return _decode_checked(data, limits, rules)
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = tolerated


def _decode_checked(data: bytes, limits: Limits, rules: PixelRules) -> Decoded:
    if not _for_pillow(data, rules):
        return _multiband(data, limits, rules)
    file = _open(io.BytesIO(data), limits)
    check_size(*file.size, limits)
    image = _jpeg(data, limits) if data[:3] == _JPEG else None
    depth: Depth | None = None
    levels: tuple[Level, ...] = ()
    try:
        if image is None:
            image, depth, levels = _pixels(file, data, rules)
        orientation = _orientation(file)  # after loading: TIFFs are turned by then, a PNG's may be known only then
    except Exception as error:
        raise damaged(error) from error
    return Decoded(upright(image, orientation), orientation, depth, pillow_bands(file), levels)


def _pixels(file: Pillow.Image, data: bytes, rules: PixelRules) -> tuple[Image, Depth | None, tuple[Level, ...]]:
    """Colors, values and levels of a file opened by Pillow, turned where Pillow does that."""
    deep, deep_color = is_deep(file, data), is_deep_color(file, data)
    turned = _orientation(file) if deep_color and file.format == "TIFF" else 1  # by Pillow, when it loads
    file.load()
    if deep_color:
        scaled = color_to_8_bits(file, data, rgb(file), rules)
        return scaled if keeps_upper_bytes(rules) else scaled._replace(image=upright(scaled.image, turned))
    if deep:
        return to_8_bits(file, rules)
    image = rgb(file)
    return np.bitwise_xor(image, np.uint8(128)) if is_signed(file) else image, None, ()


def _for_pillow(data: bytes, rules: PixelRules) -> bool:
    try:
        return is_for_pillow(data, rules)
    except Exception:  # damaged, or too large: opening it raises the error
        return True


def _multiband(data: bytes, limits: Limits, rules: PixelRules) -> Decoded:
    with named_damage():
        found = read_multiband(data, rules, lambda width, height: check_size(width, height, limits))
    return Decoded(upright(found.image, found.orientation), 1, found.depth, found.bands, found.levels)


def _open(file: IO[bytes], limits: Limits) -> Pillow.Image:
    """Open a file without decoding it.

    Raises:
        InvalidImage: It is not an image, damaged, or so large that Pillow refuses it.
    """
    head = file.read(heif.HEAD)
    file.seek(0)
    if (name := heif.name_of(head)) and not heif.is_readable():
        raise InvalidImage(f"unreadable: the format is {name}: {heif.EXTRA}")
    try:
        with _large_allowed(limits):
            opened = heif.open_heif(file) if name else Pillow.open(file, formats=_formats())
    except UnidentifiedImageError as error:
        raise InvalidImage(f"unreadable: not an image (it begins with {head[:12]!r})", is_image=False) from error
    except Pillow.DecompressionBombError as error:
        raise InvalidImage(f"too large: over {limits.max_megapixels:g} megapixels") from error
    except Exception as error:
        raise damaged(error) from error
    if not isinstance(opened.info.get("xmp", b""), bytes):  # in a TIFF it may be a number; Pillow searches it for text
        del opened.info["xmp"]
    return opened


@contextmanager
def _large_allowed(limits: Limits) -> Iterator[None]:
    """Let Pillow open what the limits allow; its own limit is a variable of the module."""
    if Pillow.MAX_IMAGE_PIXELS is None or limits.max_megapixels * 1e6 <= 2 * Pillow.MAX_IMAGE_PIXELS:
        yield
        return
    with _BOMB_LOCK:
        own, Pillow.MAX_IMAGE_PIXELS = Pillow.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Pillow.MAX_IMAGE_PIXELS = own


@lru_cache
def _formats() -> list[str]:
    """Those of `FORMATS` that this build of Pillow has; it fails on names that it does not know."""
    Pillow.init()
    return [name for name in FORMATS if name in Pillow.OPEN]


def check_size(width: int, height: int, limits: Limits) -> None:
    """Refuse a size.

    Raises:
        InvalidImage: It is beyond the limits.
    """
    size = f"{width} x {height}"
    if min(width, height) < limits.min_side:
        raise InvalidImage(f"too small: {size} pixels, under {limits.min_side} a side")
    megapixels = width * height / 1e6
    if megapixels > limits.max_megapixels:
        raise InvalidImage(f"too large: {size} = {megapixels:.4g} megapixels, over {limits.max_megapixels:g}")
    if max(width, height) > limits.longest_side:
        raise InvalidImage(f"too large: {size} pixels, over {limits.longest_side} a side")


def _jpeg(data: bytes, limits: Limits) -> Image | None:
    """Decode RGB and gray JPEGs with libjpeg-turbo, twice as fast as Pillow; ``None`` leaves it to Pillow.

    Raises:
        InvalidImage: The file is truncated or corrupt. Pillow would return an image that is gray from there on.
    """
    try:
        height, width, colors, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    if colors not in ("YCbCr", "Gray", "RGB"):
        return None
    check_size(width, height, limits)
    try:
        image: Image = simplejpeg.decode_jpeg(data, "RGB", strict=True)
    except ValueError as error:
        message = str(error)
        if "extraneous bytes" in message:  # padding between segments: some cameras write it, nothing is lost
            harmless: Image = simplejpeg.decode_jpeg(data, "RGB", strict=False)
            return harmless
        if message.startswith("Premature end"):
            raise InvalidImage("truncated: the file ends before the image does") from error
        raise InvalidImage(f"corrupt: {message}") from error
    return image


def _orientation(file: Pillow.Image) -> int:
    """The EXIF orientation, 1 (upright) when there is none or it is invalid."""
    try:
        value = file.getexif().get(_ORIENTATION, 1)
    except Exception:  # broken metadata is no reason to reject an image whose pixels are fine
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def upright(image: Image, orientation: int) -> Image:
    """Undo an EXIF orientation (EXIF 2.3, tag 274; 1 is upright already)."""
    if orientation in (5, 6, 7, 8):
        image = image.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)
