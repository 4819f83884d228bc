"""The catalog's format: its files, the columns of ``catalog.parquet``, and its metadata.

::

    DIR/
      catalog.parquet     one row per image; written last, so a directory that has it is complete
      rejected.csv        key,reason of every image that was left out
      shard-00000.tar     only when packed: JPEGs, each followed by a .json (preparation/pack.py)
      …

Columns of ``catalog.parquet`` (each row can be read without the others; rows are in the order of the source):

=============  ==================  ====================================================================================
key            string              name in the source, unique: ``n01440764/n01440764_10026.JPEG``
uri            string              file, archive or table with the bytes: an absolute path, an fsspec URL, or, when
                                   packed, a shard's name relative to this directory (so that the directory can be
                                   moved). Behind ``#page=`` a compressed page of a Parquet file (pages.py)
offset         int64               where the bytes begin; 0 exactly when the file is the image
size           int64               number of bytes there, in the file, archive or decompressed page
compression    string              ``none``, or ``deflate`` for a raw deflate stream in a zip
orientation    uint8               EXIF orientation of the bytes, 1 to 8; reading undoes it. 1 when packed
width          uint16              of the upright image in its source, in pixels (a packed image can be smaller)
height         uint16              likewise
hash           binary(16)          blake2b-128 of the image file in the source, packed or not
proposals      list<uint64>        one word per box: four uint16, x1 in the lowest bits, then y1, x2, y2; half-open, in
                                   pixels of ``width`` x ``height``: ``values.view("<u2").reshape(-1, 4)``. Null
                                   when the catalog was made without proposals
rung           string              the fallback stage that gave the proposals: ``filtered``, ``ratio``, ``side`` or
                                   ``whole`` (proposals/filters.py); null without proposals
=============  ==================  ====================================================================================

Catalogs that were prepared with ``tiles=`` have three more columns. A row is then a tile, or a picture that is no
larger than one; ``key`` of a tile ends in ``#xywh=LEFT,TOP,WIDTH,HEIGHT`` (W3C Media Fragments), and ``width`` and
``height`` are those of the tile.

=============  ==================  ====================================================================================
x, y           int32               left and top edge of the tile in the upright picture, in pixels; -1: a whole picture
levels         list<double>        black, white and missing value (NaN: none) of each band, of the whole picture, for
                                   tiles that are read by themselves and have more than 8 bits; else empty
=============  ==================  ====================================================================================

The schema's metadata has the key ``codo`` with a JSON object:

=============  ========================================================================================================
format         version of this format, 2, with tiles 3; in format 1 proposals were list<uint16>, four numbers per box
codo           version of codo that wrote it
source         what was prepared: absolute paths, URLs or patterns
settings       all settings of the preparation (`PrepareSettings`), among them those of the proposals
selected       what selected among the images: annotation file or VOC image sets; empty when nothing did
counts         images (tiles count each; with tiles also pictures, and decoded_whole of them, whose tiles cannot be read
               by themselves), rejected, ignored (files that are no images, by extension), repeated (files named twice
               in the source), duplicates (images whose bytes equal those of an earlier one), proposals
fallbacks      number of images by fallback stage (``rung``)
depths         only if images have more than 8 bits: their number, smallest and largest value, the largest share of its
               range that one uses, and numbers of images by the value that became white (bit_depth.py)
bands          only if images have more than three: numbers of images by their number of bands (multiband.py)
=============  ========================================================================================================
"""

from __future__ import annotations

import pyarrow as pa

FILE = "catalog.parquet"
REJECTED = "rejected.csv"
UNFINISHED = ".work"
"""Folder in the catalog's directory that a preparation works in; removed when it has finished."""

FORMAT = 2
TILED_FORMAT = 3
FALLBACK_STAGE = "rung"
"""Name of the column with the fallback stage."""

SCHEMA = pa.schema(
    [
        pa.field("key", pa.large_string(), nullable=False),
        pa.field("uri", pa.large_string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("compression", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("orientation", pa.uint8(), nullable=False),
        pa.field("width", pa.uint16(), nullable=False),
        pa.field("height", pa.uint16(), nullable=False),
        pa.field("hash", pa.binary(16), nullable=False),
        pa.field("proposals", pa.large_list(pa.field("element", pa.uint64(), nullable=False))),
        pa.field(FALLBACK_STAGE, pa.dictionary(pa.int32(), pa.string())),
    ]
)
"""Offsets of 64 bits: 64 boxes per image overflow those of 32 at eight million images."""

TILE_FIELDS = [
    pa.field("x", pa.int32(), nullable=False),
    pa.field("y", pa.int32(), nullable=False),
    pa.field("levels", pa.large_list(pa.field("element", pa.float64(), nullable=False)), nullable=False),
]

TILE_MARK = "#xywh="
"""What separates the name of a picture from that of its tile in ``key``."""


def schema_of(tiles: int | None) -> pa.Schema:
    """The schema of a catalog with or without tiles."""
    return SCHEMA if tiles is None else pa.schema([*SCHEMA, *TILE_FIELDS])
