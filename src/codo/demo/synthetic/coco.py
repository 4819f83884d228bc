"""COCO annotations of the detection scenes.

Boxes and areas are those of the visible pixels, as in COCO. Masks are compressed RLE, because mug handles and keys have
holes, which COCO polygons cannot express.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools import mask as rle

from codo.demo.synthetic.classes import CLASSES
from codo.demo.synthetic.composing import DetectionScene
from codo.demo.synthetic.compositor import Instance
from codo.demo.synthetic.photographs import Photograph

_RENDERED = "CC0 1.0 (rendered)"
_CATEGORY_IDS = {name: number for number, name in enumerate(CLASSES, start=1)}


class CocoWriter:
    """Collects scenes one by one; `content` is the content of the JSON file.

    Args:
        description: Description of the data set.
        available: The photographs that may be in the backgrounds; each gets an entry in the licenses.
    """

    def __init__(self, description: str, available: Sequence[Photograph]) -> None:
        licenses = [_RENDERED, *(f"{photo.license} ({photo.author}, background {photo.name})" for photo in available)]
        self._available = available
        self.content: dict[str, Any] = {
            "info": {"description": description, "version": "1", "contributor": "codo demo"},
            "licenses": [{"id": k, "name": name, "url": ""} for k, name in enumerate(licenses, start=1)],
            "categories": [{"id": k, "name": name, "supercategory": "thing"} for name, k in _CATEGORY_IDS.items()],
            "images": [],
            "annotations": [],
        }

    def add(self, scene: DetectionScene, file_name: str) -> None:
        """Append a scene and its objects; ids count from 1."""
        (height, width), photograph = scene.image.shape[:2], scene.backdrop.photograph
        image = {
            "id": len(self.content["images"]) + 1,
            "file_name": file_name,
            "width": width,
            "height": height,
            "license": 1 if photograph is None else 2 + self._available.index(photograph),
            "background": scene.backdrop.name,
        }
        self.content["images"].append(image)
        for instance in scene.instances:
            ids = {"id": len(self.content["annotations"]) + 1, "image_id": image["id"]}
            self.content["annotations"].append(ids | annotation(instance))


def annotation(instance: Instance) -> dict[str, Any]:
    """Category, box (x, y, width, height), area and mask of one object."""
    rows, columns = np.flatnonzero(instance.mask.any(1)), np.flatnonzero(instance.mask.any(0))
    box = (columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)
    encoded = rle.encode(np.asfortranarray(instance.mask.astype(np.uint8)))
    return {
        "category_id": _CATEGORY_IDS[instance.name],
        "bbox": [float(value) for value in box],
        "area": float(np.count_nonzero(instance.mask)),
        "segmentation": {"size": list(instance.mask.shape), "counts": encoded["counts"].decode("ascii")},
        "iscrowd": 0,
    }
