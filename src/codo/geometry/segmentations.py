"""Outlines of objects: polygons and run-length codes (RLE), as COCO writes them.

A COCO segmentation is one of: a list of polygons ``[[x1, y1, x2, y2, …], …]`` in pixels; an RLE
``{"size": [height, width], "counts": …}`` whose counts are a list of run lengths, down the columns, background first,
or those numbers as a string (`run_lengths`). All are stored as text until they are decoded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

Mask = npt.NDArray[np.uint8]
REACH = 4
"""How far an outline may leave its image, in lengths of its longer side: clipped objects do, by less than one."""


_encode = json.JSONEncoder(separators=(",", ":")).encode  # `json.dumps` would make one for every object


def _text(segmentation: Any) -> bytes:
    return b"" if segmentation is None else _encode(segmentation).encode()


class Segmentations:
    """The segmentation of every object, in one buffer.

    As Python objects, the polygons of COCO take gigabytes, and each loader worker would soon have its own copy, because
    reading an object writes its reference count. As JSON text in one array they take 0.5 GB, shared, without loss.

    Args:
        rows: One segmentation per object; ``None`` where there is none.
    """

    def __init__(self, rows: Iterable[Any]) -> None:
        self._store([_text(row) for row in rows])

    def _store(self, texts: list[bytes]) -> None:
        self._offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts], dtype=np.int64)]).astype(np.int64)
        self._text = np.frombuffer(b"".join(texts), dtype=np.uint8)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, i: int) -> Any:
        """Segmentation ``i`` in COCO's form, or ``None``."""
        start, end = int(self._offsets[i]), int(self._offsets[i + 1])
        return json.loads(self._text[start:end].tobytes()) if end > start else None

    @property
    def buffers(self) -> tuple[memoryview, memoryview]:
        """All of them as two blocks of memory, equal for equal segmentations."""
        return self._offsets.data, self._text.data

    def take(self, rows: npt.NDArray[np.int64]) -> Segmentations:
        """Those of some objects, in the order of ``rows``."""
        return self._of_texts(self._part(row) for row in rows.tolist())

    def replaced(self, changed: Mapping[int, Any]) -> Segmentations:
        """The same with other segmentations in some rows."""
        return self._of_texts(_text(changed[row]) if row in changed else self._part(row) for row in range(len(self)))

    def _part(self, row: int) -> bytes:
        return self._text[int(self._offsets[row]) : int(self._offsets[row + 1])].tobytes()

    @classmethod
    def _of_texts(cls, texts: Iterable[bytes]) -> Segmentations:
        made = cls(())
        made._store(list(texts))
        return made

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Which objects have a segmentation, ``(len,)``."""
        return np.diff(self._offsets) > 0


def clean(segmentation: Any) -> Any:
    """A segmentation without polygons of fewer than three points, or ``None`` when nothing is left.

    pycocotools would read a list of four numbers as a box, which a two-point polygon is not.

    Args:
        segmentation: A segmentation of a COCO file, already checked by `describe_error`.
    """
    if isinstance(segmentation, list):
        return [part for part in segmentation if len(part) >= 6] or None
    return segmentation or None


def describe_error(segmentation: Any, height: int, width: int) -> str:
    """The error of a segmentation, for an image of ``height`` x ``width`` pixels; empty if it is valid."""
    if segmentation is None:
        return ""
    if isinstance(segmentation, list):
        return _polygon_error(segmentation, max(height, width))
    if isinstance(segmentation, dict):
        return _rle_error(segmentation, height, width) if segmentation else ""
    return "neither polygons nor RLE"


def _polygon_error(polygons: list[Any], side: int) -> str:
    for part in polygons:
        if not isinstance(part, list):
            return "a polygon is not a list of numbers"
        if len(part) % 2:
            return f"a polygon has {len(part)} numbers, which is not x, y pairs"
        # Whole-list operations: COCO has 20 million of these numbers. The sum is nan or infinite if a value is.
        if not set(map(type, part)) <= {int, float} or (part and not abs(sum(part)) < 1e12):
            return "a polygon holds something other than finite numbers"
        # pycocotools takes memory for every pixel of an outline, those far out of the image too.
        if part and not -REACH * side <= min(part) <= max(part) <= (1 + REACH) * side:
            return f"a polygon reaches more than {REACH} times the image's size out of it"
    return ""


def _rle_error(rle: dict[str, Any], height: int, width: int) -> str:
    size, counts = rle.get("size"), rle.get("counts")
    if size != [height, width]:
        return f"RLE of size {size} in an image of height {height}, width {width}"
    if isinstance(counts, str):
        runs = run_lengths(counts)
    elif isinstance(counts, list) and all(type(v) is int for v in counts):
        runs = np.array(counts, dtype=np.int64)
    else:
        return "RLE counts are neither a string nor a list of integers"
    if (runs < 0).any() or runs.sum() != height * width:
        return f"RLE counts add up to {int(runs.sum())}, not to the {height * width} pixels of the image"
    return ""


def run_lengths(counts: str) -> npt.NDArray[np.int64]:
    """Decode the string form of RLE counts.

    Each number is written least significant part first, in characters of six bits (offset 48): five of the number, and
    one that is set if more follow; the last one's fifth bit is the sign. From the fourth number on, the difference to
    the number two before is written (``rleFrString`` in pycocotools' ``maskApi.c``). pycocotools reads memory
    beyond a wrong string, hence this check.

    Returns:
        Run lengths; empty if the string is invalid.
    """
    data = np.frombuffer(counts.encode("utf-8"), dtype=np.uint8).astype(np.int64) - 48
    if not len(data) or (data < 0).any() or (data > 63).any() or data[-1] & 32:
        return np.zeros(0, dtype=np.int64)
    last = (data & 32) == 0
    number = np.concatenate([[0], np.cumsum(last)[:-1]])  # which number a character belongs to
    starts = np.concatenate([[0], np.flatnonzero(last)[:-1] + 1])
    place = np.arange(len(data)) - starts[number]  # which part of its number a character is
    if place.max() > 11:  # 60 bits are more than any image has pixels
        return np.zeros(0, dtype=np.int64)
    values = np.zeros(int(last.sum()), dtype=np.int64)
    np.add.at(values, number, (data & 31) << (5 * place))
    negative = last & ((data & 16) > 0)
    values[number[negative]] -= np.int64(1) << (5 * (place[negative] + 1))
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def draw(segmentation: Any, height: int, width: int, to_size: tuple[int, int] | None = None) -> Mask:
    """A segmentation as a mask.

    Polygons are scaled before they are drawn, so that their edges are exact at the new size; an RLE is resized by
    nearest neighbor.

    Args:
        segmentation: Polygons or RLE for an image of ``height`` x ``width`` pixels.
        height: See above.
        width: See above.
        to_size: ``(height, width)`` of the mask to return, if it is another.

    Returns:
        uint8 ``(H, W)`` of 0 and 1.
    """
    to_height, to_width = to_size or (height, width)
    if isinstance(segmentation, list):
        scale = np.array([to_width / width, to_height / height])
        parts = [(np.asarray(part, dtype=np.float64).reshape(-1, 2) * scale).ravel().tolist() for part in segmentation]
        return decode(coco_mask.merge(coco_mask.frPyObjects(parts, to_height, to_width)))
    mask = decode(segmentation)
    if (to_height, to_width) == (height, width):
        return mask
    # By whole numbers: OpenCV 4 and 5 differ where a center lies on a border (findings/opencv_5_nearest_exact.sh).
    rows, columns = (_nearest(*lengths) for lengths in ((height, to_height), (width, to_width)))
    return np.ascontiguousarray(mask[rows][:, columns])


def _nearest(length: int, to_length: int) -> npt.NDArray[np.int64]:
    """The source pixel under the center of each pixel of a resized line; on a border, the one to the right or below."""
    return (2 * np.arange(to_length) + 1) * length // (2 * to_length)


def decode(rle: dict[str, Any]) -> Mask:
    """An RLE as a mask, uint8 ``(H, W)`` of 0 and 1; its counts are numbers, a string, or the bytes of a string."""
    (height, width), counts = rle["size"], rle["counts"]
    runs = counts if isinstance(counts, list) else run_lengths(counts if isinstance(counts, str) else counts.decode())
    values = np.arange(len(runs), dtype=np.uint8) & 1
    return np.ascontiguousarray(np.repeat(values, runs).reshape(width, height).T)


def compress(rle: dict[str, Any]) -> dict[str, Any]:
    """A valid RLE with its counts as a string, the only form that COCO's evaluation reads."""
    if isinstance(rle["counts"], str):
        return rle
    code = coco_mask.frPyObjects(rle, *rle["size"])
    return {"size": rle["size"], "counts": code["counts"].decode("ascii")}


def encode(mask: npt.NDArray[np.bool_ | np.uint8]) -> dict[str, Any]:
    """A mask ``(H, W)`` as RLE with string counts, ready for JSON."""
    code = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(v) for v in code["size"]], "counts": code["counts"].decode("ascii")}
