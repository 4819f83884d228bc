"""The image-level probe: pictures in class folders, the layout of ImageNet (Figure 1's horizontal axis).

Each picture is shown as classifiers are evaluated: its middle square, 7/8 of the short side, on one canvas; the box is
all of it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from codo.annotations.class_folders import ClassFolders, read_class_folders
from codo.catalog.decode import InvalidImage, decode
from codo.core.errors import InputError
from codo.probes.sets import Ints, Part, ProbeSet, common_classes, draw, squeeze
from codo.views.lazy_image import Image

MIDDLE = 7 / 8
"""Side of the middle square, in short sides: 224 of 256, the usual evaluation."""


def picture_probe(folder: str, count: int, canvas: int) -> ProbeSet:
    """Read pictures.

    Args:
        folder: With ``train/CLASS`` and ``val/CLASS``.
        count: Pictures to learn from at most; half as many judge.
        canvas: Side of the canvases in pixels.

    Raises:
        InputError: Not this layout, pictures that cannot be read, or fewer than two classes in both splits.
    """
    train = read_class_folders(Path(folder) / "train")
    val = read_class_folders(Path(folder) / "val", train.classes)
    classes = common_classes(train.labels, val.labels, train.classes, where=folder)
    learned = _choose(train, classes, count, 2)
    asked = _choose(val, classes, max(1, count // 2), 3)
    return ProbeSet(
        "image",
        _read(train, learned, classes, canvas),
        _read(val, asked, classes, canvas),
        [train.classes[label] for label in classes],
        judges=[val.paths[i] for i in asked],
    )


def _choose(split: ClassFolders, classes: list[int], count: int, stream: int) -> Ints:
    kept = np.flatnonzero(np.isin(split.labels, classes))
    chosen: Ints = kept[draw(split.labels[kept], count, stream)]
    return chosen


def _read(split: ClassFolders, chosen: Ints, classes: list[int], canvas: int) -> Part:
    images: npt.NDArray[np.uint8] = np.empty((len(chosen), canvas, canvas, 3), dtype=np.uint8)
    for place, i in enumerate(chosen):
        images[place] = squeeze(middle(_decode(split.paths[i])), canvas)
    boxes = torch.tensor([[0, 0, canvas, canvas]], dtype=torch.float32).expand(len(images), 4)
    return Part(torch.from_numpy(images), boxes, torch.from_numpy(np.searchsorted(classes, split.labels[chosen])))


def middle(image: Image) -> Image:
    """The middle square of an image ``(H, W, 3)``."""
    height, width = image.shape[:2]
    side = max(1, round(MIDDLE * min(height, width)))
    y, x = (height - side) // 2, (width - side) // 2
    return image[y : y + side, x : x + side]


def _decode(path: Path) -> Image:
    try:
        return decode(path.read_bytes())
    except (OSError, InvalidImage) as error:
        raise InputError(f"cannot read an image: {error}", where=str(path), fix="repair it, or take it out") from error
