"""Processing one chunk of images: read, decode, check, propose, pack. The same under every engine."""

from __future__ import annotations

import errno
import hashlib
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import IO, Any

import pyarrow as pa

from codo.catalog.bit_depth import summarize
from codo.catalog.boxes import Boxes, as_words
from codo.catalog.decode import InvalidImage, Limits, decode_checked
from codo.catalog.reading import BadSpan, Location, Reader
from codo.catalog.schema import FALLBACK_STAGE, SCHEMA
from codo.catalog.sources.listing import extension
from codo.core.errors import CodoError
from codo.core.io import explain_full_disk, open_atomically
from codo.core.paths import is_url
from codo.preparation.manifest import Item, Report, cached_manifest
from codo.preparation.pack import write_sample
from codo.preparation.prepare_settings import PrepareSettings
from codo.proposals.filters import propose
from codo.rasters.levels import Depth

READS_AHEAD = 16
"""Remote files that are fetched at the same time, so that a chunk does not wait a round trip for each."""


def process(out: str, fingerprint: str, index: int) -> Report:
    """Process one chunk and write its part.

    Args:
        out: The catalog's directory.
        fingerprint: Of the manifest.
        index: Number of the chunk.

    Raises:
        CodoError: The disk is full, or a remote source cannot be reached.
    """
    manifest = cached_manifest(out, fingerprint)
    settings = manifest.settings
    limits = Limits(settings.min_side, settings.max_megapixels)
    rows: list[dict[str, Any]] = []
    rejected: list[tuple[str, str]] = []
    ignored = packed = 0
    depths: list[Depth] = []
    bands: Counter[int] = Counter()
    with explain_full_disk(manifest.out), ExitStack() as stack:
        tar = stack.enter_context(open_atomically(manifest.tar(index))) if settings.pack else None
        for item, data in read_all(manifest.items(index)):
            try:
                if isinstance(data, InvalidImage):
                    raise data
                rows.append(examine(item, data, settings, limits, tar, depths, bands))
            except InvalidImage as error:
                # A file without an extension need not be an image; any other that is none is reported.
                if not error.is_image and not extension(item.key) and data:
                    ignored += 1
                else:
                    rejected.append((item.key, error.reason))
        packed = tar.tell() if tar else 0
    report = Report(
        chunk=index,
        images=len(rows),
        rejected=rejected,
        ignored=ignored,
        proposals=sum(len(row["proposals"]) for row in rows if row["proposals"] is not None),
        fallbacks=dict(Counter(row[FALLBACK_STAGE] for row in rows if row[FALLBACK_STAGE])),
        packed=packed,
        depths=summarize(depths),
        bands={str(count): images for count, images in bands.items()},
    )
    with explain_full_disk(manifest.out):
        manifest.write_part(report, pa.Table.from_pylist(rows, SCHEMA))
    return report


def examine(
    item: Item,
    data: bytes,
    settings: PrepareSettings,
    limits: Limits,
    tar: IO[bytes] | None,
    depths: list[Depth] | None = None,
    bands: Counter[int] | None = None,
) -> dict[str, Any]:
    """A row of the catalog from the bytes of an image.

    What is special about it is added to ``depths`` (more than 8 bits) and ``bands`` (more than three).

    Raises:
        InvalidImage: The image cannot be used.
        CodoError: The search for proposals failed, which is a bug; the error names the image.
    """
    image, orientation, depth, band_count = decode_checked(data, limits, settings.pixel_rules)
    if depth is not None and depths is not None:
        depths.append(depth)
    if band_count and bands is not None:
        bands[band_count] += 1
    digest = content_hash(data)
    boxes: Boxes | None = None
    fallback_stage = None
    if settings.propose:
        try:
            boxes, fallback_stage = propose(image, settings.proposals)
        except Exception as error:
            raise CodoError(f"the search for proposals failed: {error!r}", where=f"{item.key} in {item.uri}") from error
    row = {
        "key": item.key,
        "uri": item.uri,
        "offset": item.offset,
        "size": item.size if item.size >= 0 else len(data),
        "compression": "deflate" if item.deflated else "none",
        "orientation": orientation,
        "width": image.shape[1],
        "height": image.shape[0],
        "hash": digest,
        "proposals": None if boxes is None else as_words(boxes),
        FALLBACK_STAGE: fallback_stage,
    }
    if tar is not None and settings.pack:
        offset, size = write_sample(
            tar, item.name, item.key, image, boxes, digest, pack=settings.pack, quality=settings.quality
        )
        # Its shard and its offset there are known only when all parts are finished (merge.py).
        row |= {"uri": "", "offset": offset, "size": size, "compression": "none", "orientation": 1}
    return row


def content_hash(data: bytes) -> bytes:
    """blake2b-128 of a file: equal exactly for byte-identical images."""
    return hashlib.blake2b(data, digest_size=16).digest()


def read_all(items: Sequence[Item]) -> Iterator[tuple[Item, bytes | InvalidImage]]:
    """The bytes of each image in order, or why there are none.

    Raises:
        CodoError: A remote source cannot be reached, which says nothing about the image.
    """
    reader = Reader()
    if not any(is_url(item.uri) for item in items):
        for item in items:
            yield item, _read(reader, item)
        return
    with ThreadPoolExecutor(READS_AHEAD) as pool:
        ahead: deque[tuple[Item, Future[bytes | InvalidImage]]] = deque()
        for item in items:
            ahead.append((item, pool.submit(_read, reader, item)))
            if len(ahead) == READS_AHEAD:
                first, future = ahead.popleft()
                yield first, future.result()
        for first, future in ahead:
            yield first, future.result()


def _read(reader: Reader, item: Item) -> bytes | InvalidImage:
    if item.problem:
        return InvalidImage(item.problem)
    try:
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
            f"cannot read from the source: {error}", where=item.uri, fix="run the same command again: it continues"
        ) from error
