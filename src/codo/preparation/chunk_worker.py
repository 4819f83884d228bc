"""Processing one chunk of images: read, decode, check, propose, pack. The same under every engine."""

from __future__ import annotations

import errno
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import IO, Any

import pyarrow as pa

from codo.catalog.bit_depth import summarize
from codo.catalog.content import content_hash
from codo.catalog.decode import InvalidImage, Limits, decode_checked
from codo.catalog.reading import BadSpan, Location, Reader
from codo.catalog.schema import FALLBACK_STAGE, schema_of
from codo.core.errors import CodoError, first_line
from codo.core.io import explain_full_disk, open_atomically
from codo.core.paths import is_url
from codo.preparation.manifest import Item, Report, cached_manifest
from codo.preparation.prepare_settings import PrepareSettings
from codo.preparation.rows import Specials, make_row
from codo.preparation.tiling import examine_tiles, open_tiled
from codo.rasters.tiff import Raster
from codo.sources.listing import extension
from codo.sources.tables import is_table

READS_AHEAD = 16
"""Remote files that are fetched at the same time, so that a chunk does not wait a round trip for each."""


def process(out: str, key: str, index: int) -> Report:
    """Process one chunk and write its part.

    Args:
        out: The catalog's directory.
        key: Of the manifest.
        index: Number of the chunk.

    Raises:
        CodoError: The disk is full, or a remote source cannot be reached.
    """
    manifest = cached_manifest(out, key)
    settings = manifest.settings
    limits = Limits(settings.min_side, settings.max_megapixels)
    rows: list[dict[str, Any]] = []
    rejected: list[tuple[str, str]] = []
    ignored = packed = pictures = 0
    specials = Specials()
    tiled = settings.tiles is not None
    with explain_full_disk(manifest.out), ExitStack() as stack:
        tar = stack.enter_context(open_atomically(manifest.tar(index), tidy=False)) if settings.pack else None
        for item, data in read_all(manifest.items(index), tiled=tiled):
            try:
                if isinstance(data, InvalidImage):
                    raise data
                if tiled:
                    rows += examine_tiles(item, data, settings, tar, specials, manifest.folder / "large.lock")
                else:
                    assert isinstance(data, bytes)
                    rows.append(examine(item, data, settings, limits, tar, specials))
                pictures += 1
            except InvalidImage as error:
                # A file without an extension need not be an image; any other that is none, or a row, is reported.
                if not error.is_image and not extension(item.key) and data and not is_table(Location(item.uri).file):
                    ignored += 1
                else:
                    hint = "; tiles=1024 cuts it" if error.reason.startswith("too large") and not tiled else ""
                    rejected.append((item.key, error.reason + hint))
        packed = tar.tell() if tar else 0
    report = Report(
        chunk=index,
        images=len(rows),
        rejected=rejected,
        ignored=ignored,
        proposals=sum(len(row["proposals"]) for row in rows if row["proposals"] is not None),
        fallbacks=dict(Counter(row[FALLBACK_STAGE] for row in rows if row[FALLBACK_STAGE])),
        packed=packed,
        depths=summarize(specials.depths),
        bands={str(count): images for count, images in specials.bands.items()},
        pictures=pictures if tiled else None,
        whole=specials.whole,
    )
    with explain_full_disk(manifest.out):
        manifest.write_part(report, pa.Table.from_pylist(rows, schema_of(settings.tiles)))
    return report


def examine(
    item: Item,
    data: bytes,
    settings: PrepareSettings,
    limits: Limits,
    tar: IO[bytes] | None,
    specials: Specials | None = None,
) -> dict[str, Any]:
    """A row of the catalog from the bytes of an image; ``specials`` gets what is special about it.

    Raises:
        InvalidImage: The image cannot be used.
        CodoError: The search for proposals failed, which is a bug; the error names the image.
    """
    image, orientation, depth, bands, _ = decode_checked(data, limits, settings.pixel_rules)
    if specials is not None:
        specials.add(depth, bands)
    size = item.size if item.size >= 0 else len(data)
    return make_row(item, image, content_hash(data), size, settings, tar, orientation=orientation)


def read_all(items: Sequence[Item], *, tiled: bool = False) -> Iterator[tuple[Item, bytes | Raster | InvalidImage]]:
    """The bytes of each image in order, or why there are none; if ``tiled``, opened where that spares to read all.

    Raises:
        CodoError: A remote source cannot be reached, which says nothing about the image.
    """
    reader = Reader()
    if not any(is_url(item.uri) for item in items):
        for item in items:
            yield item, _read(reader, item, tiled)
        return
    with ThreadPoolExecutor(READS_AHEAD) as pool:
        ahead: deque[tuple[Item, Future[bytes | Raster | InvalidImage]]] = deque()
        for item in items:
            ahead.append((item, pool.submit(_read, reader, item, tiled)))
            if len(ahead) == READS_AHEAD:
                first, future = ahead.popleft()
                yield first, future.result()
        for first, future in ahead:
            yield first, future.result()


def _read(reader: Reader, item: Item, tiled: bool) -> bytes | Raster | InvalidImage:
    if item.problem:
        return InvalidImage(item.problem)
    try:
        if tiled and (raster := open_tiled(item)) is not None:
            return raster
        return reader.read(Location(item.uri, item.offset, item.size, item.deflated))
    except FileNotFoundError:
        return InvalidImage("missing: no such file")
    except PermissionError:
        return InvalidImage("unreadable: permission denied")
    except BadSpan as error:
        return InvalidImage(f"{'too large' if error.errno == errno.EFBIG else 'corrupt'}: {error.strerror}")
    except Exception as error:
        if not is_url(item.uri) and isinstance(error, OSError):
            return InvalidImage(f"unreadable: {error.strerror or error}")
        raise CodoError(
            f"cannot read from the source: {first_line(error)}",
            where=item.uri,
            fix="run the same command again: it continues",
        ) from error
