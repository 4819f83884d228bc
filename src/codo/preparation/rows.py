"""A row of the catalog from a decoded image: its proposals, and its copy in a packed shard."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import IO, Any

from codo.catalog.boxes import Boxes, as_words
from codo.catalog.schema import FALLBACK_STAGE, TILE_MARK
from codo.core.errors import CodoError
from codo.core.signals import signals_pass
from codo.preparation.manifest import Item
from codo.preparation.pack import write_sample
from codo.preparation.prepare_settings import PrepareSettings
from codo.proposals.filters import propose
from codo.rasters.levels import Depth, Level
from codo.rasters.tiff import Window
from codo.views.lazy_image import Image


@dataclass
class Specials:
    """What is special about the pictures of a chunk.

    Attributes:
        depths: The values of those with more than 8 bits.
        bands: Number of pictures by their number of bands, if that is more than three.
        whole: Number of pictures in tiles that are decoded as a whole.
    """

    depths: list[Depth] = field(default_factory=list)
    bands: Counter[int] = field(default_factory=Counter)
    whole: int = 0

    def add(self, depth: Depth | None, bands: int) -> None:
        """Count a picture."""
        self.depths += [] if depth is None else [depth]
        self.bands += Counter([bands] if bands else [])


def make_row(
    item: Item,
    image: Image,
    digest: bytes,
    size: int,
    settings: PrepareSettings,
    tar: IO[bytes] | None,
    *,
    orientation: int = 1,
    tile: Window | None = None,
    levels: tuple[Level, ...] = (),
) -> dict[str, Any]:
    """A row of the catalog.

    Args:
        item: The member of the source.
        image: It, or a tile of it, upright at full size, uint8 ``(H, W, 3)``.
        digest: Content hash of the file.
        size: Number of bytes of the file.
        settings: Those of the preparation.
        tar: Shard that gets a smaller copy, at its end.
        orientation: EXIF orientation of the file.
        tile: The part of the picture that ``image`` is.
        levels: Of a tile (schema.py).

    Raises:
        CodoError: The search for proposals failed, which is a bug; the error names the image.
    """
    boxes: Boxes | None = None
    fallback_stage = None
    if settings.propose:
        try:
            with signals_pass():
                boxes, fallback_stage = propose(image, settings.proposals)
        except Exception as error:
            raise CodoError(f"the search for proposals failed: {error!r}", where=f"{item.key} in {item.uri}") from error
    fragment = "" if tile is None else TILE_MARK + ",".join(map(str, tile))
    row = {
        "key": item.key + fragment,
        "uri": item.uri,
        "offset": item.offset,
        "size": size,
        "compression": "deflate" if item.deflated else "none",
        "orientation": orientation,
        "width": image.shape[1],
        "height": image.shape[0],
        "hash": digest,
        "proposals": None if boxes is None else as_words(boxes),
        FALLBACK_STAGE: fallback_stage,
    }
    if settings.tiles is not None:
        x, y = (-1, -1) if tile is None else (tile.x, tile.y)
        row |= {"x": x, "y": y, "levels": [value for level in levels for value in level]}
    if tar is not None and settings.pack:
        name = item.name + fragment
        offset, size = write_sample(
            tar, name, item.key + fragment, image, boxes, digest, pack=settings.pack, quality=settings.quality
        )
        # Its shard and its offset there are known only when all parts are finished (merge.py).
        row |= {"uri": "", "offset": offset, "size": size, "compression": "none", "orientation": 1}
    return row
