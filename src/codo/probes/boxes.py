"""The RoI probe: labelled boxes, each on a canvas of its own as pretraining shows proposals.

A window of `CONTEXT` times the box's sides, moved to lie inside the image, is squeezed onto the canvas. The box then
covers about half of its area, as a pasted proposal does, whatever the object's size; so no trunk is favoured by the
scale it has learnt at. Crowd regions, difficult objects and boxes without area are left out.
"""

from __future__ import annotations

import numpy as np
import torch

from codo.annotations.images import read_image
from codo.annotations.records import Annotations
from codo.annotations.source import DataSettings, read_annotations
from codo.catalog.decode import Image
from codo.errors import InputError
from codo.probes.sets import Ints, Part, ProbeSet, common_classes, draw, squeeze
from codo.views.boxes import Box

CONTEXT = 1.5
"""Sides of the window, in sides of the box."""


def box_probe(data: DataSettings, count: int, canvas: int) -> tuple[ProbeSet, Annotations]:
    """Read labelled boxes and cut them out.

    Args:
        data: Where they are; ``train`` is learnt from, ``val`` judges.
        count: Boxes to learn from at most; half as many judge.
        canvas: Side of the canvases in pixels.

    Returns:
        The set, and the annotations of ``val``.

    Raises:
        InputError: Wrong annotations, images that cannot be read, splits of other classes, or fewer than two classes.
    """
    train, val = (read_annotations(data, split) for split in ("train", "val"))
    names = [category.name for category in train.categories]
    if names != [category.name for category in val.categories]:
        raise InputError("the classes of the splits differ", where=str(val.source), fix="give both the same categories")
    present = [split.labels[split.trainable()] - 1 for split in (train, val)]
    classes = common_classes(present[0], present[1], names, where=str(train.source))
    learnt = _cut(train, _choose(train, classes, count, 0), classes, canvas)
    asked = _cut(val, _choose(val, classes, max(1, count // 2), 1), classes, canvas)
    return ProbeSet("roi", learnt, asked, [names[label] for label in classes]), val


def _choose(split: Annotations, classes: list[int], count: int, stream: int) -> Ints:
    kept = np.flatnonzero(split.trainable() & np.isin(split.labels - 1, classes))
    chosen: Ints = kept[draw(split.labels[kept], count, stream)]
    return chosen


def _cut(split: Annotations, rows: Ints, classes: list[int], canvas: int) -> Part:
    images, boxes, of_image = [], [], split.of_image()
    current, image = -1, np.empty(0, dtype=np.uint8)
    for row in rows:
        i = int(of_image[row])
        if i != current:
            current, image = i, read_image(split, i)
        shown, box = window(image, split.boxes(np.array([row]), i)[0], canvas)
        images.append(shown)
        boxes.append(box)
    labels = np.searchsorted(classes, split.labels[rows] - 1)
    return Part(torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(boxes)), torch.from_numpy(labels))


def window(image: Image, box: Box, canvas: int) -> tuple[Image, Box]:
    """A box with its surroundings on a canvas of its own.

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
    shown = squeeze(image[low[1] : high[1], low[0] : high[0]], canvas)
    scale = canvas / (high - low)
    return shown, np.concatenate([(box[:2] - low) * scale, (box[2:] - low) * scale]).astype(np.float32)
