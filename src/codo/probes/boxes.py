"""The RoI probe: labeled boxes, each on its own canvas, like the proposals of pretraining.

A window of `CONTEXT` times the box's sides, moved to lie inside the image, is resized to the canvas. The box then
covers about half of the canvas, like a pasted proposal, for any object size; so no trunk has an advantage from the
scale of its pretraining. Crowd regions, difficult objects and empty boxes are left out, and so are classes that occur
in only one of the splits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from codo.annotations.fraction import labeled_subset
from codo.annotations.images import read_image
from codo.annotations.records import Annotations
from codo.annotations.source import DataSettings, read_annotations
from codo.core.errors import InputError
from codo.probes.sets import Ints, Part, ProbeSet, common_classes, draw, overlap_warning, squeeze
from codo.views.boxes import Box
from codo.views.lazy_image import Image

CONTEXT = 1.5
"""Sides of the window, in sides of the box."""


def box_probe(data: DataSettings, count: int, canvas: int) -> ProbeSet:
    """Read labeled boxes and crop them with their context.

    Args:
        data: Their source; the share ``data.fraction`` of ``train`` is learned from, ``val`` is for evaluation.
        count: Largest number of boxes to learn from; at most half as many are for evaluation.
        canvas: Side of the canvases in pixels.

    Raises:
        InputError: Invalid annotations, unreadable images, splits with different classes, or fewer than two classes.
    """
    train, val = (read_annotations(data, split) for split in ("train", "val"))
    names = [category.name for category in train.categories]
    if names != [category.name for category in val.categories]:
        raise InputError("the classes of the splits differ", where=str(val.source), fix="give both the same categories")
    share = np.isin(train.of_image(), labeled_subset(train, data.fraction, data.fraction_seed))
    of_train, of_val = np.flatnonzero(train.trainable() & share), np.flatnonzero(val.trainable())
    classes = common_classes(train.labels[of_train] - 1, val.labels[of_val] - 1, names, where=str(train.source))
    of_train = _choose(train, of_train, classes, count, 0)
    of_val = _choose(val, of_val, classes, max(1, count // 2), 1)
    learned, judged = (
        [split.path(int(i)) for i in np.unique(split.of_image()[rows])]
        for split, rows in ((train, of_train), (val, of_val))
    )
    overlap = overlap_warning(learned, judged, str(val.source))
    return ProbeSet(
        "roi",
        _cut(train, of_train, classes, canvas),
        _cut(val, of_val, classes, canvas),
        [names[label] for label in classes],
        val_files=judged,
        warnings=[*dict.fromkeys([*train.notes, *val.notes]), *train.warnings, *val.warnings, overlap],
    )


def _choose(split: Annotations, rows: Ints, classes: list[int], count: int, stream: int) -> Ints:
    kept = rows[np.isin(split.labels[rows] - 1, classes)]
    chosen: Ints = kept[draw(split.labels[kept], count, stream)]
    return chosen


def _cut(split: Annotations, rows: Ints, classes: list[int], canvas: int) -> Part:
    images: npt.NDArray[np.uint8] = np.empty((len(rows), canvas, canvas, 3), dtype=np.uint8)
    boxes: npt.NDArray[np.float32] = np.empty((len(rows), 4), dtype=np.float32)
    current, image = -1, np.empty(0, dtype=np.uint8)
    for place, (row, i) in enumerate(zip(rows, split.of_image()[rows].tolist(), strict=True)):
        if i != current:  # rows are sorted by image: each is read once
            current, image = i, read_image(split, i)
        images[place], boxes[place] = window(image, split.boxes(np.array([row]), i)[0], canvas)
    labels = np.searchsorted(classes, split.labels[rows] - 1)
    return Part(torch.from_numpy(images), torch.from_numpy(boxes), torch.from_numpy(labels))


def window(image: Image, box: Box, canvas: int) -> tuple[Image, Box]:
    """A box with its context, resized to a canvas.

    Args:
        image: uint8 ``(H, W, 3)``.
        box: ``(4,)`` xyxy inside the image, half-open.
        canvas: Side in pixels.

    Returns:
        uint8 ``(canvas, canvas, 3)``, and the box in canvas pixels, float32 ``(4,)``.
    """
    low, high = np.empty(2, dtype=np.int64), np.empty(2, dtype=np.int64)
    for axis, length in ((0, image.shape[1]), (1, image.shape[0])):
        start, end = float(box[axis]), float(box[axis + 2])
        side = min(length, max(1, round(CONTEXT * (end - start)), int(np.ceil(end) - np.floor(start))))
        first = round((start + end - side) / 2)
        low[axis] = min(max(first, int(np.ceil(end)) - side, 0), int(np.floor(start)), length - side)
        high[axis] = low[axis] + side
    pixels = squeeze(image[low[1] : high[1], low[0] : high[0]], canvas)
    scale = canvas / (high - low)
    return pixels, np.concatenate([(box[:2] - low) * scale, (box[2:] - low) * scale]).astype(np.float32)
