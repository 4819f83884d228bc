"""Packed shards: small JPEGs with their proposals in tar files that WebDataset, Ray and tar itself can read.

A shard has two members per image, next to each other:

* ``NAME.jpg``: the upright image, short side at most ``pack`` pixels (never enlarged), 4:2:0 at ``quality``, with
  restart markers, so that a part can be decoded without the rest (jpeg_tiles.py)
* ``NAME.json``: ``key`` (in the source), ``width``, ``height`` (of this JPEG), ``source_width``, ``source_height``,
  ``hash`` (hex, of the source file) and ``proposals``, a list of ``[x1, y1, x2, y2]`` in pixels of this JPEG (absent
  when the catalog has none)

NAME is the key without its extension. WebDataset takes everything after the first dot of a file name for the extension,
so dots become underscores; slashes stay, as in its own folders-in-tars.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from typing import IO

import cv2
import numpy as np
from PIL import Image as Pillow

from codo.catalog.boxes import Boxes, scale_boxes
from codo.catalog.jpeg_tiles import interval
from codo.sources.listing import IMAGE_EXTENSIONS, extension
from codo.views.lazy_image import Image

END_OF_TAR = bytes(2 * tarfile.BLOCKSIZE)


def shard_names(keys: Iterable[str]) -> Iterator[str]:
    """A unique NAME for every key; see the top of this file. Two keys that get the same name are numbered."""
    taken: set[str] = set()
    for key in keys:
        stem = key.rpartition(".")[0] if extension(key) in IMAGE_EXTENSIONS else key
        stem = "/".join(part for part in stem.split("/") if part not in ("", ".", "..")).replace(".", "_") or "image"
        name, number = stem, 2
        while name in taken:
            name, number = f"{stem}~{number}", number + 1
        taken.add(name)
        yield name


def shrink(image: Image, short_side: int) -> Image:
    """Resize so that the short side is ``short_side`` pixels; smaller images stay as they are."""
    height, width = image.shape[:2]
    scale = short_side / min(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def encode(image: Image, quality: int) -> bytes:
    """An image as a JPEG that `jpeg_tiles.cut` can cut."""
    file, markers = io.BytesIO(), interval(image.shape[1])
    Pillow.fromarray(image).save(file, "JPEG", quality=quality, subsampling="4:2:0", restart_marker_blocks=markers)
    return file.getvalue()


def write_sample(
    tar: IO[bytes], name: str, key: str, image: Image, boxes: Boxes | None, digest: bytes, *, pack: int, quality: int
) -> tuple[int, int]:
    """Append one image to a shard.

    Args:
        tar: The shard; written at its end.
        name: From `shard_names`.
        key: Key of the image.
        image: The upright image at full size, uint8 ``(H, W, 3)``.
        boxes: Its proposals, int32 ``(n, 4)``, or ``None``.
        digest: Content hash of its file.
        pack: Short side of the JPEG in pixels.
        quality: Of the JPEG.

    Returns:
        Offset of the JPEG's bytes in the shard, and their number.
    """
    small = shrink(image, pack)
    data = encode(small, quality)
    (height, width), (source_height, source_width) = small.shape[:2], image.shape[:2]
    metadata: dict[str, object] = {
        "key": key,
        "width": width,
        "height": height,
        "source_width": source_width,
        "source_height": source_height,
        "hash": digest.hex(),
    }
    if boxes is not None:
        metadata["proposals"] = scale_boxes(boxes, (source_width, source_height), (width, height)).tolist()
    offset = _write_member(tar, f"{name}.jpg", data)
    _write_member(tar, f"{name}.json", json.dumps(metadata).encode())
    return offset, len(data)


def _write_member(tar: IO[bytes], name: str, data: bytes) -> int:
    """Append a file to a tar; the bytes depend on name and data alone. Returns the offset of the data."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
    offset = tar.tell()
    tar.write(data)
    tar.write(bytes(-len(data) % tarfile.BLOCKSIZE))
    return offset
