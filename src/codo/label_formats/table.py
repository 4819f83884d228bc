"""What the readers of this package return: the lists of a COCO file, with the place of every entry in its own file.

`codo.annotations.coco.read` checks these lists as it checks those of a COCO file, and names the places in messages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from codo.geometry.boxes import Unit
from codo.geometry.curves import clip_boxes
from codo.geometry.extents import outline_area
from codo.layouts.entries import Entries


class Extra(Enum):
    """Keys of rows that no JSON file has."""

    PLACE = "the entry in its file, as text, and the file"
    CLIP = "whether the box may reach out of the image, and is cut there: circles and rotated shapes"
    DIFFICULT = "whether the object is marked as difficult"


@dataclass
class LabeledObject:
    """An object as its file has it.

    Attributes:
        name: Its class.
        bbox: x, y, width, height, in the unit of the `Labels`.
        number: Its number in its file, from 1.
        outline: COCO segmentation in pixels, or ``None``.
        area: In square pixels; ``None``: of the outline, else of the box.
        crowd: Whether it is a region of many objects, or one to ignore.
        difficult: Whether it is marked as difficult.
        clip: Whether the box may reach out of the image; the part outside is cut off.
    """

    name: str
    bbox: list[float]
    number: int
    outline: Any = None
    area: float | None = None
    crowd: bool = False
    difficult: bool = False
    clip: bool = False


@dataclass
class LabeledImage:
    """An image and its objects.

    Attributes:
        name: File name as written, or relative to the folder of images.
        where: The file of its labels.
        number: Its number in that file, from 1; 0 if the file is of this image alone.
        size: Height and width in pixels; ``None`` if the labels do not say.
        objects: In the order of the file.
    """

    name: str
    where: Path
    number: int = 0
    size: tuple[int, int] | None = None
    objects: list[LabeledObject] = field(default_factory=list)


@dataclass
class Labels:
    """The labels of a set of images.

    Attributes:
        images: The images.
        notes: What was inferred and left out, one line each.
        unit: Unit of the boxes.
        classes: Class names in order; ``None``: the names of all objects, in alphabetical order.
    """

    images: list[LabeledImage]
    notes: list[str] = field(default_factory=list)
    unit: Unit = "pixels"
    classes: list[str] | None = None

    @property
    def names(self) -> set[str]:
        """The classes of its objects."""
        return {one.name for image in self.images for one in image.objects}


@dataclass(frozen=True)
class LabelTable:
    """Labels as the lists of a COCO file.

    Attributes:
        source: What was read, for messages.
        values: ``images``, ``categories`` and ``annotations``; rows have the keys of `Extra`, too.
        notes: What was inferred and left out, one line each.
        unit: Unit of the boxes.
        entry: What an object is called in its file: shape, region, line, …
        folders: Possible folders of the images, best first.
        unsure: Whether boxes may be in another unit in spite of the format, so that they are compared with the images.
    """

    source: Path
    values: dict[str, list[dict[Any, Any]]]
    notes: list[str]
    unit: Unit
    entry: str
    folders: list[Path]
    unsure: bool = False

    def clip(
        self, objects: Entries, bbox: npt.NDArray[np.float64], sizes: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.float64]:
        """Boxes in pixels, ``(M, 4)``, with those of circles and rotated shapes cut at the borders of their images.

        Args:
            objects: The objects, for messages.
            bbox: x, y, width, height, ``(M, 4)``.
            sizes: Height and width of the image of every object, ``(M, 2)``.

        Raises:
            InputError: Shapes that are not in their images at all.
        """
        rows = np.array([i for i, row in enumerate(self.values["annotations"]) if row[Extra.CLIP]], dtype=np.int64)
        clipped = bbox.copy()
        clipped[rows] = clip_boxes(bbox[rows], sizes[rows])
        gone = (clipped[rows, 2:] <= 0).any(axis=1) & (bbox[rows, 2:] > 0).all(axis=1)
        objects.refuse(
            rows[gone].tolist(),
            "outside of its image",
            "check that labels and images belong together",
            lambda i: f"{bbox[i].round(1).tolist()} in {sizes[i, 1]} x {sizes[i, 0]}",
        )
        return clipped


def coco_lists(
    labels: Sequence[Labels], classes: Sequence[str], entry: str, ids: Iterable[int]
) -> dict[str, list[dict[Any, Any]]]:
    """Labels as the lists of a COCO file; classes have ids from 1.

    Args:
        labels: Of all files of a split.
        classes: All class names, in order.
        entry: What an object is called in messages.
        ids: Id of every image.
    """
    place = {name: i for i, name in enumerate(classes, start=1)}
    images: list[dict[Any, Any]] = []
    objects: list[dict[Any, Any]] = []
    for image, id_ in zip((image for one in labels for image in one.images), ids, strict=True):
        label = f"image {image.number} of {image.where.name}" if image.number else image.where.name
        row: dict[Any, Any] = {"id": id_, "file_name": image.name, Extra.PLACE: (label, image.where)}
        if image.size is not None:
            row |= {"height": image.size[0], "width": image.size[1]}
        images.append(row)
        for one in image.objects:
            within = f" of image {image.number}" if image.number else ""
            objects.append(
                {
                    "id": len(objects) + 1,
                    "image_id": id_,
                    "category_id": place[one.name],
                    "bbox": one.bbox,
                    "iscrowd": int(one.crowd),
                    Extra.PLACE: (f"{entry} {one.number}{within} of {image.where.name}", image.where),
                    Extra.CLIP: one.clip,
                    Extra.DIFFICULT: one.difficult,
                }
            )
            if one.outline is not None:
                objects[-1] |= {"segmentation": one.outline, "area": outline_area(one.outline)}
            if one.area is not None:
                objects[-1]["area"] = one.area
    categories: list[dict[Any, Any]] = [{"id": i, "name": name} for name, i in place.items()]
    return {"images": images, "categories": categories, "annotations": objects}


def without_images(values: Mapping[str, Any], gone: Iterable[int]) -> dict[str, Any]:
    """The lists of a COCO file without some images and their objects.

    Args:
        values: The content of the file.
        gone: Positions of the images to leave out.
    """
    places = set(gone)
    ids = [values["images"][i].get("id") for i in places]
    images = [image for i, image in enumerate(values["images"]) if i not in places]
    objects = values.get("annotations")
    if isinstance(objects, list):
        left_out = {id_ for id_ in ids if isinstance(id_, int | str)}
        objects = [one for one in objects if not (isinstance(one, dict) and one.get("image_id") in left_out)]
    return {**values, "images": images, "annotations": objects}


def left_out(where: Path, plural: str, kinds: Counter[str], why: str) -> list[str]:
    """A note on entries that are not read: ``3 shapes without an area are left out (2 point, 1 line)``."""
    if not kinds:
        return []
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    return [f"{where}: {kinds.total()} {plural} {why} are left out ({told})"]
