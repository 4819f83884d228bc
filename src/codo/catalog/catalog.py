"""Opening and reading a catalog; what its files hold is documented in schema.py.

In memory the columns are Arrow buffers and NumPy views of them, never a Python object per row: opening takes about a
second for a million images, and forked loader workers share all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from codo.catalog import description
from codo.catalog.bit_depth import Depths
from codo.catalog.boxes import Boxes, scale_boxes
from codo.catalog.content import Checked, content_hash, time_of
from codo.catalog.decode import InvalidImage, decode
from codo.catalog.decoded_images import DecodedImages
from codo.catalog.jpeg_tiles import cut, layout
from codo.catalog.pages import file_of
from codo.catalog.reading import Location, Reader, Unreachable
from codo.catalog.schema import FALLBACK_STAGE, FILE, SCHEMA, TILE_FIELDS, TILE_MARK, TILED_FORMAT, UNFINISHED
from codo.catalog.table import CatalogTable, bytes_of, checked_counts, open_file, read_table
from codo.catalog.tile_reading import TileColumns, read_tile
from codo.core.errors import DAMAGE, CodoError, InputError, first_line
from codo.core.paths import URL, absolute, is_url, join, kind, missing
from codo.models.pixel_rules import DEFAULT_RULES, PixelSettings
from codo.rasters.multiband import band_note
from codo.rasters.tiff import Window
from codo.views.lazy_image import Corners, Image, LazyImage

_IN_MEMORY = [name for name in SCHEMA.names if name not in ("proposals", FALLBACK_STAGE)]


class Catalog:
    """A catalog opened for reading, by `open_catalog`.

    Rows are numbered from 0. Any number of processes and threads may read at the same time without a lock, also after
    a fork.

    Attributes:
        path: The directory, absolute or an fsspec URL.
        settings: ``source`` and all settings that the catalog was prepared with, as nested dictionaries.
        counts: See schema.py.
        fallbacks: Number of images by fallback stage.
        has_proposals: Whether proposals are there (and were asked for when opening).
        packed: Whether the images are in the catalog's own shards.
        depths: What values its images of more than 8 bits have; ``None`` if there are none.
        bands: Number of images by their number of bands, if that is more than three.
        pixel_settings: How the values of its files became colors.
        pixel_rules: The same as plain values.

    Example:
        >>> import codo
        >>> catalog = codo.open_catalog("catalogs/photos")
        >>> len(catalog), catalog.has_proposals
        (24, True)
        >>> image, boxes = catalog.image(0), catalog.proposals(0)  # uint8 (H, W, 3) and int32 (n, 4)
        >>> bool((boxes[:, 2] <= image.shape[1]).all())
        True
    """

    def __init__(self, path: str, table: CatalogTable, info: Mapping[str, Any], made: int = 0) -> None:
        columns = table.columns
        self.path = path
        self.settings: dict[str, Any] = {"source": info["source"], **info["settings"]}
        self.counts = checked_counts(info["counts"], info["settings"]["propose"])
        self.fallbacks: dict[str, int] = dict(info["fallbacks"])
        self.packed = info["settings"]["pack"] is not None
        self.depths = Depths(*info["depths"]) if info.get("depths") else None
        self.bands: dict[str, int] = dict(info.get("bands", {}))
        self.pixel_settings = PixelSettings.among(info["settings"])
        self.pixel_rules = self.pixel_settings.pixel_rules
        self.has_proposals = table.proposals is not None
        self._reader = Reader(base=path)
        self._key, self._uri = columns["key"], columns["uri"]
        self._offset, self._size = columns["offset"].to_numpy(), columns["size"].to_numpy()
        self._deflated = pc.equal(columns["compression"], "deflate").to_numpy(zero_copy_only=False)
        self._orientation = columns["orientation"].to_numpy()
        self._width, self._height = columns["width"].to_numpy(), columns["height"].to_numpy()
        self.hashes = bytes_of(columns["hash"])
        self._tiles = TileColumns.of(columns) if "x" in columns else None
        # A packed catalog has its images in itself.
        self._checked = Checked(0 if self.packed else made, len(self))
        self._decoded: DecodedImages | None = None
        if table.proposals is not None:
            self._starts, self._boxes = table.proposals

    hashes: npt.NDArray[np.uint8]
    """Content hashes of all images, uint8 ``(len, 16)``."""

    def __len__(self) -> int:
        return len(self._size)

    def __repr__(self) -> str:
        return f"Catalog({self.path!r}, {len(self)} images)"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as the path: a process that is not forked opens the catalog itself."""
        return (_reopen, (self.path, self.has_proposals, self._reader.copies))

    def key(self, i: int) -> str:
        """The name of image ``i`` in its source."""
        return str(self._key[i].as_py())

    def picture(self, i: int) -> str:
        """The name of the picture in its source that image ``i`` is, or is a tile of."""
        key = self.key(i)
        return key if self._tiles is None or self._tiles.x[i] < 0 else key.rpartition(TILE_MARK)[0]

    def size(self, i: int) -> tuple[int, int]:
        """Width and height of image ``i`` in its source, upright; a packed image can be smaller."""
        return int(self._width[i]), int(self._height[i])

    def content_hash(self, i: int) -> bytes:
        """blake2b-128 of the file of image ``i`` in its source."""
        return bytes(self.hashes[i])

    def proposals(self, i: int) -> Boxes:
        """The proposals of image ``i``: int32 ``(n, 4)`` xyxy in pixels of `size`, n >= 1.

        Raises:
            InputError: The catalog was made, or opened, without proposals.
        """
        if not self.has_proposals:
            raise InputError("this catalog has no proposals", where=self.path, fix="prepare without --no-proposals")
        i = range(len(self))[i]  # -1 is the last row here too
        boxes: Boxes = self._boxes[self._starts[i] : self._starts[i + 1]].astype(np.int32)
        return boxes

    def scaled_proposals(self, i: int, height: int, width: int) -> Boxes:
        """The proposals of image ``i`` in pixels of a version of it resized to ``height`` x ``width``."""
        return scale_boxes(self.proposals(i), self.size(i), (width, height))

    def image(self, i: int) -> Image:
        """Image ``i``: upright RGB, uint8 ``(H, W, 3)``; smaller than `size` where packing has shrunk it.

        Raises:
            CodoError: The file has vanished or changed since the catalog was made.
        """
        return self.lazy_image(i).decode()

    def lazy_image(self, i: int) -> LazyImage:
        """Image ``i``, decoded on access, and only the part that is asked for where its file allows that.

        Raises:
            CodoError: The file has vanished or changed since the catalog was made.
        """
        decoded = self._decoded
        if decoded is None or not decoded.has_place(i):
            return self._encoded_image(i)
        image = decoded.get(i)
        if image is None:
            image = self._encoded_image(i).decode()
            decoded.put(i, image)
        return LazyImage.from_array(image)

    def _encoded_image(self, i: int) -> LazyImage:
        if not self.packed and (tile := self.tile(i)) is not None:
            return LazyImage.from_array(self._read_tile(i, tile))
        data = self.read(i)
        found = layout(data) if self.packed else None
        if found is None:
            return LazyImage.from_array(self._decode(i, data))

        def area(corners: Corners) -> tuple[Image, int, int]:
            part, left, top = cut(data, found, corners)
            return self._decode(i, part), left, top

        return LazyImage(found.height, found.width, area)

    def decoded_sizes(self) -> npt.NDArray[np.int64]:
        """Width and height ``(len, 2)`` of all images as `image` gives them: of packed ones, as they were shrunk."""
        sizes = np.stack([self._width, self._height], axis=1).astype(np.int64)
        if not self.packed:
            return sizes
        scale = np.minimum(1, self.settings["pack"] / sizes.min(axis=1, keepdims=True))
        shrunk: npt.NDArray[np.int64] = np.maximum(1, np.rint(sizes * scale)).astype(np.int64)
        return shrunk

    def keep_decoded(self, limit: int) -> DecodedImages:
        """Keep images in memory once they are decoded, up to ``limit`` bytes, for this process and later forks of it.

        Their pixels must not be changed then.
        """
        self._decoded = DecodedImages(self.decoded_sizes(), limit)
        return self._decoded

    def tile(self, i: int) -> Window | None:
        """The part of its picture that image ``i`` is; ``None`` for whole pictures."""
        return None if self._tiles is None else self._tiles.window(i, *self.size(i))

    def _read_tile(self, i: int, tile: Window) -> Image:
        assert self._tiles is not None
        location, orientation, levels = self.location(i), int(self._orientation[i]), self._tiles.levels(i)
        try:
            return read_tile(lambda: self.read(i), location, tile, levels, orientation, self.pixel_rules)
        except (InvalidImage, OSError) as error:
            raise self._unreadable(i, error) from error

    def _decode(self, i: int, data: bytes) -> Image:
        try:
            image = decode(data, int(self._orientation[i]), DEFAULT_RULES if self.packed else self.pixel_rules)
        except InvalidImage as error:
            raise self._unreadable(i, error) from error
        if not self.packed and (image.shape[1], image.shape[0]) != self.size(i):
            width, height = self.size(i)
            raise self._changed(i, f"it is {image.shape[1]} x {image.shape[0]} pixels, not {width} x {height}")
        return image

    def read(self, i: int) -> bytes:
        """The bytes of the file of image ``i``, as they are stored.

        Raises:
            CodoError: The file has vanished, has another length or content than it had, or cannot be reached.
        """
        location = self.location(i)
        time = self._due(i, location)
        try:
            data = self._reader.read(location)
        except OSError as error:
            raise self._unreadable(i, error) from error
        if time:
            if content_hash(data) != self.content_hash(i):
                raise self._changed(i, "another file of the same length is in its place")
            self._checked.passed(i, time)
        return data

    def _due(self, i: int, location: Location) -> int:
        """The time of a file whose content has to be checked; 0 if it need not be. Packed images have no such hash."""
        if self.packed:
            return 0
        place = self._reader.place(location.file)
        return self._checked.due(i, place, copied=is_url(location.file) and not is_url(place))

    def written_later(self, i: int) -> bool:
        """Whether the file of image ``i`` has a later time than the catalog; its content may be the same."""
        return bool(self._checked.later(self.location(i).file))

    def location(self, i: int) -> Location:
        """Where the bytes of image ``i`` are."""
        return Location(self._uri[i].as_py(), int(self._offset[i]), int(self._size[i]), bool(self._deflated[i]))

    def rows_with(self, hashes: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """Rows whose content hash is among ``hashes``, uint8 ``(m, 16)``: images that two data sets share."""
        own, others = (np.ascontiguousarray(side).view("<u8")[:, 0] for side in (self.hashes, hashes))
        likely = np.flatnonzero(np.isin(own, others)).tolist()  # by their first 8 bytes, which NumPy sorts fast
        wanted = {row.tobytes() for row in hashes}
        return np.array([i for i in likely if self.content_hash(i) in wanted], dtype=np.int64)

    def remote_files(self) -> list[str]:
        """URLs of the files in an object store that the images are in."""
        uris = pc.unique(self._uri)
        if not is_url(self.path):
            uris = uris.filter(pc.match_substring_regex(uris, URL))
        return sorted({join(self.path, file_of(uri)) for uri in uris.to_pylist()})

    def read_copies(self, folder: str | Path) -> None:
        """Read remote files from their copies in a folder, where they are there (`codo.catalog.reading.copy_path`)."""
        self._reader.copies = str(folder)

    def summary(self) -> str:
        """One line about the contents of the catalog, and a warning where images of more than 8 bits lose much."""
        return "\n".join([description.line(self), *(f"WARNING {warning}" for warning in self.warnings())])

    def band_note(self) -> str:
        """A line about images with more than three bands, if none were chosen; else empty."""
        return band_note(self.bands) if self.bands and self.pixel_rules.bands is None else ""

    def warnings(self) -> list[str]:
        """What may be lost, or slow, in its images."""
        return description.warnings(self)

    def _unreadable(self, i: int, error: InvalidImage | OSError) -> CodoError:
        if isinstance(error, Unreachable):
            fix, where = "run the same command again once it can be reached", join(self.path, self.location(i).file)
            return CodoError(f"image '{self.key(i)}' cannot be read: {error.strerror}", where=where, fix=fix)
        return self._changed(i, "there is no such file" if isinstance(error, FileNotFoundError) else first_line(error))

    def _changed(self, i: int, what: str) -> CodoError:
        file = self.location(i).file
        place, fix = self._reader.place(file), "restore the file, or prepare its source again into a new directory"
        if self.packed:
            fix = "copy the catalog again with all its shards"
        if not is_url(place) and is_url(join(self.path, file)):
            fix = f"delete this copy, and run the same command again; if that does not help, {fix}"
        what = f"image '{self.key(i)}' has vanished or changed since codo prepare: {what}"
        return CodoError(what, where=place, fix=fix)


def open_catalog(path: str | Path, *, proposals: bool = True) -> Catalog:
    """Open a catalog that `codo prepare` made.

    Args:
        path: Its directory, local or an fsspec URL.
        proposals: Load the proposals if there are any; they are most of the memory, and backgrounds do not need them.

    Raises:
        InputError: There is no finished catalog, or it cannot be read.

    Example:
        >>> import codo
        >>> codo.open_catalog("catalogs/photos").counts["images"]
        24
    """
    folder = absolute(path)
    file = join(folder, FILE)
    if kind(file) is None:
        raise _no_catalog(folder)
    try:
        buffer, info = open_file(file)
        if info["format"] > TILED_FORMAT:
            raise InputError(
                f"the catalog has format {info['format']}, this codo knows {TILED_FORMAT}",
                where=file,
                fix=f"use codo {info['codo']} or later",
            )
        tiled = [field.name for field in TILE_FIELDS] if info["format"] == TILED_FORMAT else []
        table = read_table(buffer, [*_IN_MEMORY, *tiled], proposals=proposals and info["settings"]["propose"])
        return Catalog(folder, table, info, time_of(file))
    except (pa.ArrowException, OSError, *DAMAGE) as error:
        raise InputError(
            f"the catalog cannot be read ({first_line(error)})", where=file, fix="prepare it again"
        ) from error


def is_catalog(path: str | Path) -> bool:
    """Whether there is a finished catalog at ``path``."""
    return kind(join(absolute(path), FILE)) == "file"


def _reopen(path: str, proposals: bool, copies: str) -> Catalog:
    catalog = open_catalog(path, proposals=proposals)
    catalog.read_copies(copies)
    return catalog


def _no_catalog(folder: str) -> InputError:
    if kind(folder) is None:
        return missing(folder)
    if kind(join(folder, UNFINISHED)) == "folder":
        return InputError(
            "the preparation of this catalog has not finished", where=folder, fix="run the same codo prepare again"
        )
    return InputError("not a catalog (no catalog.parquet)", where=folder, fix=f"codo prepare {folder} --out DIR")
