"""The bands of a TIFF, read by windows through ``tifffile``.

Pillow and OpenCV read up to four bands of a few types. ``tifffile`` (BSD, needs NumPy only) reads every layout: bands
interleaved or one after the other (planar), strips or tiles, 8 to 64 bits, integers or floats. It decodes raw, deflate,
PackBits and LZMA itself, other compressions with ``imagecodecs``, which is large and therefore no part of the extra.

Legend: H, W height and width of the stored picture, K the bands that are read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

EXTRA = "pip install 'codo-detect[tiff]'"
CODECS = "pip install imagecodecs"

_MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")  # the last two: BigTIFF
_NODATA, _ORIENTATION = 42113, 274  # GDAL's tag, the value as text; EXIF's
_INVERTED, _RGB, _YCBCR = 0, 2, 6  # photometric interpretations
_ALPHA = (1, 2)  # kinds of extra samples
_NAMED = re.compile(r"<(COMPRESSION|PREDICTOR)\.(\w+)")
_LARGEST_SEGMENT = 1 << 30  # a damaged or hostile header must not make a process allocate more at once


class UnreadableTiff(Exception):
    """The file has no bands that can be read; the message says why, and what to install."""


class Window(NamedTuple):
    """A rectangle of a picture in pixels: left and top edge, width and height."""

    x: int
    y: int
    width: int
    height: int


class Raster:
    """The first picture of a TIFF, opened; pixels are read when asked for. Close it after use, or use ``with``.

    Args:
        source: Path of a local file, or the bytes of one.
        offset: Where the TIFF begins in the file at that path.
        size: Number of its bytes there; -1 for all.

    Attributes:
        width: Of the stored picture, before its orientation, in pixels.
        height: Likewise.
        bands: Number of bands without alpha; bands are counted from 1, as GDAL does.
        dtype: Type of the values.
        orientation: EXIF orientation, 1 to 8.
        inverted: Whether small values are bright.
        nodata: The value that the file declares as missing (GDAL); ``None`` if it declares none.
        is_photo: Whether the bands are colors, or at least not colors in a palette, in CMYK or in single bits.
        in_parts: Whether a window can be read without the rest.

    Raises:
        UnreadableTiff: ``tifffile`` is not installed, or the picture has other axes or values.
        Exception: The file is damaged; nearly any.
    """

    def __init__(self, source: str | bytes, offset: int = 0, size: int = -1) -> None:
        try:
            import tifffile
        except ImportError as error:
            raise UnreadableTiff(f"a TIFF of several bands: {EXTRA}") from error
        self._path = source if isinstance(source, str) and not offset else ""
        self._file = tifffile.TiffFile(
            source if isinstance(source, str) else BytesIO(source), offset=offset or None, size=size if offset else None
        )
        try:
            self._page: Any = self._file.pages.first
            self._read_header()
        except BaseException:
            self.close()
            raise

    def _read_header(self) -> None:
        page = self._page
        if page.dtype is None or page.dtype.kind not in "uif":
            raise UnreadableTiff(f"a TIFF with values of type {page.dtype}: convert it to integers or floats")
        if page.axes not in ("YX", "YXS", "SYX"):
            raise UnreadableTiff(f"a TIFF with the axes {page.axes}: convert it to rows, columns and bands")
        self.width, self.height = int(page.imagewidth), int(page.imagelength)
        self.dtype = np.dtype(page.dtype)
        alpha = [int(kind) in _ALPHA for kind in page.extrasamples]
        samples = int(page.samplesperpixel)
        self.alpha = samples - len(alpha) + alpha.index(True) if any(alpha) else None
        self.bands = samples - (self.alpha is not None)
        tag = page.tags.get(_ORIENTATION)
        self.orientation = int(tag.value) if tag is not None and int(tag.value) in range(1, 9) else 1
        photometric = int(page.photometric)
        self.inverted = photometric == _INVERTED
        self.is_photo = photometric in (_INVERTED, 1, _RGB, _YCBCR) and page.bitspersample >= 8
        tag = page.tags.get(_NODATA)
        self.nodata = _number(tag.value) if tag is not None else None
        rows, columns = page.chunks[:2] if page.axes != "SYX" else page.chunks[-2:]
        self._segment = int(rows), int(columns)
        self._grid = -(-self.height // self._segment[0]), -(-self.width // self._segment[1])
        self._raw = bool(self._path) and bool(page.is_memmappable) and self._map() is not None
        self.in_parts = self._raw or rows * columns * 4 <= self.width * self.height
        if not self._raw and math.prod(page.chunks) * self.dtype.itemsize > _LARGEST_SEGMENT:
            size = f"{rows} x {columns} pixels"
            raise UnreadableTiff(f"a TIFF in segments of {size}: store it in tiles (gdal_translate -co TILED=YES)")

    def _map(self) -> npt.NDArray[np.generic] | None:
        """Uncompressed pixels in one piece as an array on the file, ``(H, W, samples)``."""
        page = self._page
        dtype = np.dtype(self._file.byteorder + self.dtype.char)
        try:
            mapped = np.memmap(self._path, dtype, "r", int(page.dataoffsets[0]), tuple(page.shape))
        except (OSError, ValueError):
            return None
        return np.moveaxis(mapped, 0, -1) if page.axes == "SYX" else mapped.reshape(self.height, self.width, -1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def whole(self) -> Window:
        """All of the picture."""
        return Window(0, 0, self.width, self.height)

    def read(self, bands: Sequence[int], window: Window | None = None) -> npt.NDArray[np.generic]:
        """Bands of a window, in the byte order of this machine.

        Args:
            bands: Which, from 1, in any order.
            window: Inside the picture; by default all of it.

        Returns:
            ``(height, width, K)``. Segments that a sparse file lacks are the missing value, or 0.

        Raises:
            UnreadableTiff: The compression needs a package that is not installed.
            Exception: The file is damaged.
        """
        return self._samples([band - 1 for band in bands], window or self.whole)

    def transparent(self, window: Window | None = None) -> npt.NDArray[np.bool_] | None:
        """Where alpha says that there is nothing, ``(height, width)``; ``None`` for files without alpha."""
        if self.alpha is None:
            return None
        empty: npt.NDArray[np.bool_] = self._samples([self.alpha], window or self.whole)[:, :, 0] == 0
        return empty

    def _samples(self, samples: Sequence[int], window: Window) -> npt.NDArray[np.generic]:
        x, y, width, height = window
        if self._raw and (mapped := self._map()) is not None:  # mapped for each window: what was read can be forgotten
            part = mapped[y : y + height, x : x + width][:, :, list(samples)]
            return np.ascontiguousarray(part, self.dtype.newbyteorder("="))
        planar = self._page.axes == "SYX"
        out = np.full((height, width, len(samples)), self.nodata or 0).astype(self.dtype.newbyteorder("="))
        rows, columns = self._segment
        for row in range(y // rows, -(-(y + height) // rows)):
            for column in range(x // columns, -(-(x + width) // columns)):
                top, left = max(row * rows, y), max(column * columns, x)
                for plane in samples if planar else (0,):
                    segment = self._decode((plane * self._grid[0] + row) * self._grid[1] + column)
                    if segment is None:
                        continue
                    part = segment[top - row * rows :, left - column * columns :]
                    part = part[: y + height - top, : x + width - left]
                    place = out[top - y : top - y + part.shape[0], left - x : left - x + part.shape[1]]
                    if planar:
                        place[:, :, [i for i, sample in enumerate(samples) if sample == plane]] = part
                    else:
                        place[:] = part[:, :, list(samples)]
        return out

    def _decode(self, index: int) -> npt.NDArray[np.generic] | None:
        """A strip or tile ``(rows, columns, samples)``; ``None`` if the file has none there."""
        page, file = self._page, self._file.filehandle
        offset, size = page.dataoffsets[index], page.databytecounts[index]
        if size == 0:
            return None
        file.seek(offset)
        data = file.read(size)
        if len(data) < size:
            raise EOFError("the file ends before the image does")
        try:
            segment = page.decode(data, index, jpegtables=page.jpegtables, jpegheader=page.jpegheader)[0]
        except (ImportError, KeyError, ValueError) as error:
            if isinstance(error, ImportError) or "imagecodecs" in str(error):
                named = _NAMED.search(str(error))
                what = f"{named[1].lower()} {named[2]}" if named else f"compression {page.compression.name}"
                raise UnreadableTiff(f"a TIFF with the {what}: {CODECS}") from error
            raise
        decoded: npt.NDArray[np.generic] | None = None if segment is None else segment[0]
        return decoded


def open_in_parts(path: str, offset: int = 0, size: int = -1) -> Raster | None:
    """Open a picture if it is a TIFF whose windows can be read without the rest, and that is upright; else ``None``.

    Args:
        path: A local file.
        offset: Where the picture begins in it.
        size: Its number of bytes there.

    Raises:
        OSError: The file cannot be read.
    """
    with open(path, "rb") as file:
        file.seek(offset)
        if not is_tiff(file.read(4)):
            return None
    try:
        raster = Raster(path, offset, size)
    except Exception:  # reading all of it raises the error
        return None
    try:
        if raster.in_parts and raster.is_photo and raster.orientation == 1:
            raster.read([1], Window(0, 0, 1, 1))  # a codec may be missing
            return raster
    except Exception:
        pass
    raster.close()
    return None


def is_tiff(head: bytes) -> bool:
    """Whether a file with these first bytes is a TIFF."""
    return head[:4] in _MAGIC


def _number(text: object) -> float | None:
    try:
        return float(str(text).strip("\x00 "))
    except ValueError:
        return None
