"""The bands of a TIFF, read by windows through ``tifffile``.

Pillow and OpenCV read up to four bands of a few types. ``tifffile`` (BSD, needs NumPy only) reads every layout: bands
interleaved or one after the other (planar), strips or tiles, 8 to 64 bits, integers or floats. It decodes raw, deflate,
PackBits and LZMA itself, other compressions with ``imagecodecs``, which is large and therefore no part of the extra.

Legend: H, W height and width of the stored picture, K the bands that are read.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from codo.rasters.tiff_errors import DamagedTiff, UnreadableTiff, told_as_damage

EXTRA = "pip install 'codo-detect[tiff]'"
CODECS = "pip install imagecodecs"

_MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")  # the last two: BigTIFF
_NODATA, _ORIENTATION = 42113, 274  # GDAL's tag, the value as text; EXIF's
_INVERTED, _RGB, _YCBCR = 0, 2, 6  # photometric interpretations
_JPEG = 7  # compression
_ASSOCIATED, _ALPHA = 1, (1, 2)  # kinds of extra samples
_COREL = 999  # what a program writes instead of the kind
_NAMED = re.compile(r"<(COMPRESSION|PREDICTOR)\.(\w+)")
_LARGEST_SEGMENT = 1 << 30  # a damaged or hostile header must not make a process allocate more at once


# It logs what it finds odd, such as a missing value that the type of the pixels cannot hold, for each window; where the
# program has set up no logging, Python would print that.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


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
        samples: Number of bands with alpha.
        bands: Number of bands without alpha; bands are counted from 1, as GDAL does.
        alpha: Index of alpha among the samples, from 0; ``None`` if there is none.
        associated: Whether colors are multiplied by alpha.
        colors: 3 for RGB, 1 for gray, whatever other bands there are.
        dtype: Type of the values.
        orientation: EXIF orientation, 1 to 8.
        inverted: Whether small values are bright.
        nodata: The value that the file declares as missing (GDAL); ``None`` if it declares none.
        is_ycbcr: Whether a JPEG is stored, which is decoded to RGB.
        is_photo: Whether the bands are colors, or at least not colors in a palette, in CMYK or in single bits.
        in_parts: Whether a window can be read without the rest.

    Raises:
        UnreadableTiff: ``tifffile`` is not installed, or the picture has other axes or values.
        DamagedTiff: The header is damaged.
        OSError: The file cannot be read.
    """

    def __init__(self, source: str | bytes, offset: int = 0, size: int = -1) -> None:
        try:
            import tifffile
        except ImportError as error:
            raise UnreadableTiff(f"a TIFF of several bands: {EXTRA}") from error
        self._path = source if isinstance(source, str) and not offset else ""
        file = source if isinstance(source, str) else BytesIO(source)
        with told_as_damage():
            self._file = tifffile.TiffFile(file, offset=offset or None, size=size if offset else None)
        try:
            with told_as_damage():
                self._page: Any = self._file.pages.first
                self._read_header()
        except BaseException:
            self.close()
            raise

    def _read_header(self) -> None:
        page = self._page
        if page.dtype is None or page.dtype.kind not in "uif":
            kind = f"type {page.dtype}" if page.dtype else f"no known type ({page.bitspersample} bits)"
            raise UnreadableTiff(f"a TIFF with values of {kind}: convert it to integers or floats")
        if page.axes not in ("YX", "YXS", "SYX"):
            raise UnreadableTiff(f"a TIFF with the axes {page.axes}: convert it to rows, columns and bands")
        self.width, self.height = int(page.imagewidth), int(page.imagelength)
        self.dtype = np.dtype(page.dtype)
        photometric = int(page.photometric)
        self._read_samples(photometric)
        tag = page.tags.get(_ORIENTATION)
        self.orientation = int(tag.value) if tag is not None and int(tag.value) in range(1, 9) else 1
        self.inverted = photometric == _INVERTED
        self.is_ycbcr = photometric == _YCBCR and int(page.compression) == _JPEG
        self.is_photo = (photometric in (_INVERTED, 1, _RGB) or self.is_ycbcr) and page.bitspersample >= 8
        tag = page.tags.get(_NODATA)
        self.nodata = _number(tag.value) if tag is not None else None
        rows, columns = page.chunks[:2] if page.axes != "SYX" else page.chunks[-2:]
        self._segment = int(rows), int(columns)
        self._grid = -(-self.height // self._segment[0]), -(-self.width // self._segment[1])
        segments = math.prod(self._grid) * (self.samples if page.axes == "SYX" else 1)
        if segments < 1 or min(len(page.dataoffsets), len(page.databytecounts)) < segments:
            raise DamagedTiff(f"it has not the {segments} strips or tiles of its size")
        # tifffile does not look at the length of a single strip, which a damaged header may give: mapped, what lies
        # behind it would be read, too; decoded, not.
        mappable = bool(self._path) and bool(page.is_memmappable) and sum(page.databytecounts) >= page.nbytes
        self._raw = mappable and self._map() is not None
        self.in_parts = self._raw or rows * columns * 4 <= self.width * self.height
        if not self._raw and math.prod(page.chunks) * self.dtype.itemsize > _LARGEST_SEGMENT:
            size = f"{rows} x {columns} pixels"
            raise UnreadableTiff(f"a TIFF in segments of {size}: store it in tiles (gdal_translate -co TILED=YES)")

    def _read_samples(self, photometric: int) -> None:
        self.samples = int(self._page.samplesperpixel)
        self.colors = 3 if photometric in (_RGB, _YCBCR) else 1
        extra = [int(kind) for kind in self._page.extrasamples]
        if photometric == _RGB and self.samples == 4 and self.dtype.kind == "u" and extra in ([], [_COREL]):
            extra = [2]  # as Pillow does
        found = [place for place, kind in enumerate(extra, self.samples - len(extra)) if kind in _ALPHA and place >= 0]
        self.alpha = found[0] if found else None
        self.associated = bool(found) and extra[found[0] - self.samples] == _ASSOCIATED
        self.bands = self.samples - (self.alpha is not None)

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
            DamagedTiff: The file is damaged.
            OSError: The file cannot be read.
        """
        return self._samples([band - 1 for band in bands], window or self.whole)

    def read_with_alpha(
        self, bands: Sequence[int], window: Window | None = None
    ) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.generic] | None]:
        """The same, and alpha ``(height, width)`` in the type of the bands; ``None`` for files without alpha."""
        if self.alpha is None:
            return self.read(bands, window), None
        both = self._samples([*(band - 1 for band in bands), self.alpha], window or self.whole)
        return both[:, :, :-1], both[:, :, -1]

    def _samples(self, samples: Sequence[int], window: Window) -> npt.NDArray[np.generic]:
        x, y, width, height = window
        if self._raw and (mapped := self._map()) is not None:  # mapped for each window: what was read can be forgotten
            part = mapped[y : y + height, x : x + width][:, :, list(samples)]
            return np.ascontiguousarray(part, self.dtype.newbyteorder("="))
        planar = self._page.axes == "SYX"
        out = np.empty((height, width, len(samples)), self.dtype.newbyteorder("="))
        out[:] = [0 if sample == self.alpha else _as_value(self.nodata, out.dtype) for sample in samples]
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
        with told_as_damage():
            file.seek(offset)
            data = file.read(size)
        if len(data) < size:
            raise DamagedTiff("truncated: the file ends before the image does")
        with told_as_damage():
            try:
                segment = page.decode(data, index, jpegtables=page.jpegtables, jpegheader=page.jpegheader)[0]
            except (ImportError, KeyError, ValueError) as error:
                if isinstance(error, ImportError) or "imagecodecs" in str(error):
                    named = _NAMED.search(str(error))
                    what = f"{named[1].lower()} {named[2]}" if named else f"compression {page.compression.name}"
                    raise UnreadableTiff(f"a TIFF with the {what}: {CODECS}") from error
                raise
        if segment is None:
            return None
        decoded: npt.NDArray[np.generic] = segment[0]
        if decoded.ndim != 3 or decoded.shape[2] != (1 if page.axes == "SYX" else self.samples):
            raise DamagedTiff(f"a strip or tile of shape {decoded.shape}")
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
    except (UnreadableTiff, DamagedTiff):  # reading all of it raises the error
        return None
    readable = False
    try:
        if raster.in_parts and raster.is_photo and raster.orientation == 1:
            raster.read([1], Window(0, 0, 1, 1))
            readable = True
    except (UnreadableTiff, DamagedTiff):  # a codec that is missing here may be there when all of it is read
        pass
    finally:
        if not readable:
            raster.close()
    return raster if readable else None


def is_tiff(head: bytes) -> bool:
    """Whether a file with these first bytes is a TIFF."""
    return head[:4] in _MAGIC


def _as_value(number: float | None, dtype: np.dtype[np.generic]) -> float:
    """A missing value for pixels that a file leaves out; 0 if their type cannot hold it."""
    if number is None:
        return 0
    with np.errstate(invalid="ignore", over="ignore"):
        value = float(np.float64(number).astype(dtype))
    return value if dtype.kind == "f" or value == number else 0


def _number(text: object) -> float | None:
    try:
        return float(str(text).strip("\x00 "))
    except ValueError:
        return None
