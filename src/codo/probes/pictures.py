"""The image-level probe: images in class folders, the layout of ImageNet (Figure 1's horizontal axis).

Each image is preprocessed as in the evaluation of classifiers: a center crop of 7/8 of the short side, resized to the
canvas; the box covers the whole canvas.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from codo.catalog.decode import InvalidImage, decode
from codo.core.errors import InputError
from codo.layouts.class_folders import ClassFolders, read_class_folders
from codo.models.pixel_rules import DEFAULT_RULES, PixelRules
from codo.probes.sets import Ints, Part, ProbeSet, common_classes, draw, overlap_warning, squeeze
from codo.views.lazy_image import Image

MIDDLE = 7 / 8
"""Side of the center crop as a share of the short side: 224 of 256, the usual evaluation."""


def picture_probe(folder: str, count: int, canvas: int, rules: PixelRules = DEFAULT_RULES) -> ProbeSet:
    """Read images in class folders.

    Args:
        folder: Folder with ``train/CLASS`` and ``val/CLASS``.
        count: Largest number of images to learn from; at most half as many are for evaluation.
        canvas: Side of the canvases in pixels.
        rules: How the values of image files become colors.

    Raises:
        InputError: Another layout, unreadable images, or fewer than two classes in both splits.
    """
    train = read_class_folders(Path(folder) / "train")
    val = read_class_folders(Path(folder) / "val", train.classes)
    classes = common_classes(train.labels, val.labels, train.classes, where=folder)
    train_rows = _choose(train, classes, count, 2)
    val_rows = _choose(val, classes, max(1, count // 2), 3)
    learned, judged = [train.paths[i] for i in train_rows], [val.paths[i] for i in val_rows]
    return ProbeSet(
        "image",
        _read(train, train_rows, classes, canvas, rules),
        _read(val, val_rows, classes, canvas, rules),
        [train.classes[label] for label in classes],
        val_files=judged,
        warnings=[overlap_warning(learned, judged, folder)],
    )


def _choose(split: ClassFolders, classes: list[int], count: int, stream: int) -> Ints:
    kept = np.flatnonzero(np.isin(split.labels, classes))
    chosen: Ints = kept[draw(split.labels[kept], count, stream)]
    return chosen


def _read(split: ClassFolders, chosen: Ints, classes: list[int], canvas: int, rules: PixelRules) -> Part:
    images: npt.NDArray[np.uint8] = np.empty((len(chosen), canvas, canvas, 3), dtype=np.uint8)
    for place, i in enumerate(chosen):
        images[place] = squeeze(middle(_decode(split.paths[i], rules)), canvas)
    boxes = torch.tensor([[0, 0, canvas, canvas]], dtype=torch.float32).expand(len(images), 4)
    return Part(torch.from_numpy(images), boxes, torch.from_numpy(np.searchsorted(classes, split.labels[chosen])))


def middle(image: Image) -> Image:
    """The center crop of an image ``(H, W, 3)``."""
    height, width = image.shape[:2]
    side = max(1, round(MIDDLE * min(height, width)))
    y, x = (height - side) // 2, (width - side) // 2
    return image[y : y + side, x : x + side]


def _decode(path: Path, rules: PixelRules) -> Image:
    try:
        return decode(path.read_bytes(), rules=rules)
    except (OSError, InvalidImage) as error:
        raise InputError(f"cannot read an image: {error}", where=str(path), fix="repair or remove it") from error
