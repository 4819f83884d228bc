"""A labeled data set in memory, as all readers return it.

Legend: N images, M objects (crowd regions included), C classes.

Everything is an array, without Python objects per image or object, so that forked loader workers share the memory.
Objects are sorted by image; those of image ``i`` are rows ``offsets[i]`` to ``offsets[i + 1]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from codo.geometry.segmentations import Segmentations
from codo.models.pixel_rules import DEFAULT_RULES, PixelRules


class Category(NamedTuple):
    """A class: its id in the annotation file and its name."""

    id: int
    name: str


class Aliases(NamedTuple):
    """Ids as files write them, where other ones are used: strings, and ids of classes that were merged.

    Attributes:
        images: Written image id -> the one of ``image_ids``.
        categories: Written category id -> that of a `Category`.
    """

    images: Mapping[str | int, int]
    categories: Mapping[str | int, int]


@dataclass(frozen=True)
class Annotations:
    """Images, their objects and classes.

    Attributes:
        source: The file or folder it was read from, for messages.
        folder: Folder of the images, which exist; ``None`` if only the annotations were read.
        image_ids: int64 ``(N,)``.
        file_names: str ``(N,)``, relative to ``folder``.
        sizes: int32 ``(N, 2)``, height and width in pixels.
        categories: The classes by label: label ``k`` (1 to C; 0 is background) is ``categories[k - 1]``.
        offsets: int64 ``(N + 1,)``.
        bbox: float64 ``(M, 4)``, x, y, width, height in pixels as in the file; COCO AP is computed on these.
        labels: int64 ``(M,)``, 1 to C.
        crowd: bool ``(M,)``: a region with many objects; not trained on, and ignored in evaluation.
        areas: float64 ``(M,)`` in square pixels, of the mask if the file has it; decides small, medium, large.
        object_ids: int64 ``(M,)``, ids in the file, for messages.
        segmentations: M segmentations; `has_masks` is whether all objects have one.
        difficult: bool ``(M,)``, objects marked difficult in VOC: not trained on, and ignored in evaluation; ``None``
            for formats without this flag.
        parents: Ids of categories without objects that only group others.
        aliases: Other ids that files may use, see `Aliases`.
        pixel_rules: How the values of image files become colors.
        missing: Names of images that were left out because they are not there.
        warnings: Messages for the user about problems that are not errors.
        notes: What was inferred about the data, one line each: for the log, and for ``data.txt`` of a run.
        inferred: Settings of ``data`` that a later command needs to read the same without inferring it.
    """

    source: Path
    folder: Path | None
    image_ids: npt.NDArray[np.int64]
    file_names: npt.NDArray[np.str_]
    sizes: npt.NDArray[np.int32]
    categories: tuple[Category, ...]
    offsets: npt.NDArray[np.int64]
    bbox: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    crowd: npt.NDArray[np.bool_]
    areas: npt.NDArray[np.float64]
    object_ids: npt.NDArray[np.int64]
    segmentations: Segmentations
    difficult: npt.NDArray[np.bool_] | None = None
    parents: tuple[int, ...] = ()
    aliases: Aliases = Aliases({}, {})  # noqa: RUF009 (immutable in use)
    pixel_rules: PixelRules = DEFAULT_RULES
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    inferred: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def has_masks(self) -> bool:
        """Whether there are objects, and all have a segmentation."""
        return bool(len(self.segmentations)) and bool(self.segmentations.present.all())

    def path(self, i: int) -> Path:
        """The file of image ``i``."""
        if self.folder is None:
            raise ValueError("these annotations were read without images")
        return self.folder / str(self.file_names[i])

    def name_of(self, row: int) -> str:
        """The file name of the image of an object."""
        return str(self.file_names[np.searchsorted(self.offsets, row, side="right") - 1])

    def objects(self, i: int) -> slice:
        """Rows of the objects of image ``i``."""
        return slice(int(self.offsets[i]), int(self.offsets[i + 1]))

    def learnable(self, i: int) -> npt.NDArray[np.int64]:
        """Rows of the objects of image ``i`` to train on: not `ignored`, and with some area inside the image."""
        rows = self.objects(i)
        x1, y1, x2, y2 = self.boxes(rows, i).T
        good: npt.NDArray[np.int64] = rows.start + np.flatnonzero(~self.ignored[rows] & (x2 > x1) & (y2 > y1))
        return good

    def trainable(self) -> npt.NDArray[np.bool_]:
        """Which objects `learnable` returns, for all images at once, ``(M,)``."""
        height, width = self.sizes[self.of_image()].T
        x, y, w, h = self.bbox.T
        corners = (x.clip(0, width), y.clip(0, height), (x + w).clip(0, width), (y + h).clip(0, height))
        x1, y1, x2, y2 = (side.astype(np.float32) for side in corners)
        good: npt.NDArray[np.bool_] = ~self.ignored & (x2 > x1) & (y2 > y1)
        return good

    def of_image(self) -> npt.NDArray[np.int64]:
        """Index of the image of every object, ``(M,)``."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.offsets))

    @property
    def ignored(self) -> npt.NDArray[np.bool_]:
        """Objects ``(M,)`` that are neither trained on nor evaluated: crowd regions and difficult ones."""
        return self.crowd if self.difficult is None else self.crowd | self.difficult

    def boxes(self, rows: slice | npt.NDArray[np.int64], i: int) -> npt.NDArray[np.float32]:
        """Boxes ``(n, 4)`` of some objects of image ``i``: xyxy in pixels, half-open, clipped to the image."""
        height, width = self.sizes[i]
        x, y, w, h = self.bbox[rows].T
        corners = np.stack(
            [x.clip(0, width), y.clip(0, height), (x + w).clip(0, width), (y + h).clip(0, height)], axis=1
        )
        return corners.astype(np.float32)

    def images_with_objects(self) -> npt.NDArray[np.int64]:
        """Indices of the images with objects to train on."""
        return np.unique(self.of_image()[self.trainable()])

    def to_coco(self) -> dict[str, Any]:
        """Ground truth for pycocotools and hotcoco.

        Difficult objects become crowd regions, the only objects that COCO's evaluation ignores. Objects get new ids
        from 1, because COCO's evaluation uses the object's id to mark a match, and 0 means "none".
        """
        of_image = self.of_image()
        category_ids = np.array([category.id for category in self.categories], dtype=np.int64)
        annotations = [
            {
                "id": row + 1,
                "image_id": int(self.image_ids[of_image[row]]),
                "category_id": int(category_ids[self.labels[row] - 1]),
                "bbox": self.bbox[row].tolist(),
                "area": float(self.areas[row]),
                "iscrowd": int(self.ignored[row]),
                "segmentation": self.segmentations[row] or [],
            }
            for row in range(len(self.labels))
        ]
        images = [
            {
                "id": int(self.image_ids[i]),
                "height": int(height),
                "width": int(width),
                "file_name": str(self.file_names[i]),
            }
            for i, (height, width) in enumerate(self.sizes)
        ]
        return {
            "info": {},
            "images": images,
            "categories": [category._asdict() for category in self.categories],
            "annotations": annotations,
        }
