"""The embedded data set of ``codo demo``: rendered when asked for, nothing to download, any size.

What `write_demo` leaves in its folder::

    unlabeled/object-00000.jpg ...                      one object each, on its own background; no labels
    unlabeled/photo-00000.jpg ...                       pieces of the photographs that installed packages ship
    detection/train/scene-00000.jpg ...                 scenes with one to four labelled objects among clutter
    detection/val/scene-00000.jpg ...
    detection/annotations/instances_train.json          COCO: boxes and masks; written last, so a complete set has both
    detection/annotations/instances_val.json
    CREDITS.txt                                         authors and licences of the photographs, if any were used

Boxes and areas are those of the visible pixels, as in COCO, and masks are compressed RLE: mug handles and keys have
holes, which COCO polygons cannot express. Every object shows at least half of itself (`stage.MIN_VISIBLE`); none is
visible but unlabelled. Annotations depend on (seed, size) alone; the pixels also on whether the photographs are there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from pycocotools import mask as rle

from codo.demo import photographs
from codo.demo.composing import Scene, Series, detection_scene, object_image, photograph_image
from codo.demo.photographs import Photograph
from codo.demo.shapes import CLASSES
from codo.demo.stage import Instance
from codo.errors import InputError

JPEG_QUALITY = 92
PHOTO_IMAGES = 4  # unlabelled pieces taken from each photograph
Progress = Callable[[int, int], None]

_RENDERED = "CC0 1.0 (rendered)"


@dataclass(frozen=True)
class DemoData:
    """Where the data set is.

    Attributes:
        root: The folder given to `write_demo`.
        unlabeled: Object images, for foregrounds.
        train: Images of the training scenes.
        val: Images of the validation scenes.
        train_json: COCO annotations of ``train``.
        val_json: COCO annotations of ``val``.
        classes: Class names in the order of their category ids, from 1.
        photographs: The photographs used; empty when no package that ships any is installed.
    """

    root: Path
    unlabeled: Path
    train: Path
    val: Path
    train_json: Path
    val_json: Path
    classes: tuple[str, ...]
    photographs: tuple[Photograph, ...]


def write_demo(
    out: Path,
    *,
    size: int = 192,
    objects: int = 600,
    train: int = 160,
    val: int = 80,
    seed: int = 0,
    use_photographs: bool = True,
    progress: Progress | None = None,
) -> DemoData:
    """Render the data set; about 10 ms an image of 192 pixels on one core.

    Args:
        out: Folder to write to; made when missing. The same call again writes the same bytes.
        size: Side of the square images in pixels.
        objects: Number of object images, for pretraining.
        train: Number of training scenes.
        val: Number of validation scenes.
        seed: Of the data set; every picture is a pure function of (seed, split, index, size).
        use_photographs: Take photographs from installed packages for some of the backgrounds.
        progress: Called as ``progress(done, total)`` after every image.

    Raises:
        InputError: A number out of range, or image folders in ``out`` that hold files of another data set.
    """
    for name, value, low, high in (
        ("size", size, 64, 2048),
        ("objects", objects, 1, 100_000),
        ("train", train, 1, 100_000),
        ("val", val, 1, 100_000),
        ("seed", seed, 0, 2**63 - 1),
    ):
        if not low <= value <= high:
            raise InputError(f"{name} is {value}", where="demo", fix=f"give a number from {low} to {high}")
    available = photographs.installed() if use_photographs else ()
    detection = out / "detection"
    data = DemoData(
        root=out,
        unlabeled=out / "unlabeled",
        train=detection / "train",
        val=detection / "val",
        train_json=detection / "annotations" / "instances_train.json",
        val_json=detection / "annotations" / "instances_val.json",
        classes=tuple(CLASSES),
        photographs=available,
    )
    pieces = [photograph for photograph in available if photograph.objects for _ in range(PHOTO_IMAGES)]
    unlabeled = [f"object-{k:05d}.jpg" for k in range(objects)] + [f"photo-{k:05d}.jpg" for k in range(len(pieces))]
    scenes = {Series.TRAIN: (data.train, data.train_json, train), Series.VAL: (data.val, data.val_json, val)}
    _claim(data.unlabeled, unlabeled)
    for folder, _, count in scenes.values():
        _claim(folder, [_scene_name(k) for k in range(count)])
    data.train_json.parent.mkdir(parents=True, exist_ok=True)

    ticks = _ticker(progress, len(unlabeled) + train + val)
    for k in range(objects):
        _write_jpeg(data.unlabeled / unlabeled[k], object_image(seed, k, size, available).image)
        next(ticks)
    for k, photograph in enumerate(pieces):
        _write_jpeg(data.unlabeled / unlabeled[objects + k], photograph_image(seed, k, size, photograph))
        next(ticks)
    for series, (folder, json_file, count) in scenes.items():
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for k in range(count):
            scene = detection_scene(seed, series, k, size, available)
            _write_jpeg(folder / _scene_name(k), scene.image)
            images.append(_image_entry(k + 1, scene, available))
            annotations += [
                _annotation(len(annotations) + n, k + 1, instance)
                for n, instance in enumerate(scene.instances, start=1)
            ]
            next(ticks)
        _write_text(json_file, json.dumps(_coco(seed, size, images, annotations, available)))
    if available:
        _write_text(out / "CREDITS.txt", credits_text(available))
    return data


def credits_text(used: Sequence[Photograph]) -> str:
    """One line a photograph: file, author, licence."""
    lines = [f"{photo.package}/{photo.path}: {photo.author}, {photo.licence}" for photo in used]
    return "\n".join(["Some pictures show pieces of these photographs:", *lines, ""])


def _scene_name(index: int) -> str:
    return f"scene-{index:05d}.jpg"


def _claim(folder: Path, names: Sequence[str]) -> None:
    """Make a folder that will hold these files and no others."""
    foreign = sorted({entry.name for entry in folder.iterdir()} - set(names)) if folder.is_dir() else []
    if foreign:
        raise InputError(
            f"{folder} holds files of another data set, such as {foreign[0]}",
            where="demo",
            fix="give another --out, or remove that folder",
        )
    folder.mkdir(parents=True, exist_ok=True)


def _ticker(progress: Progress | None, total: int) -> Iterator[None]:
    """Report one more image done at every ``next``."""
    for done in range(1, total + 1):
        if progress is not None:
            progress(done, total)
        yield


def _write_jpeg(file: Path, image: NDArray[np.uint8]) -> None:
    file.write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=JPEG_QUALITY, colorsubsampling="420"))


def _write_text(file: Path, text: str) -> None:
    """Write to a temporary name, then rename: a file that is there is complete."""
    temporary = file.with_name(f".{file.name}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)


# --- COCO ------------------------------------------------------------------------------------------------------------


def _coco(
    seed: int, size: int, images: list[dict[str, Any]], annotations: list[dict[str, Any]], used: Sequence[Photograph]
) -> dict[str, Any]:
    licences = [_RENDERED, *(f"{photo.licence} ({photo.author}, background {photo.name})" for photo in used)]
    return {
        "info": {
            "description": f"CoDo demo scenes, seed {seed}, {size} pixels",
            "version": "1",
            "contributor": "codo demo",
        },
        "licenses": [{"id": k, "name": name, "url": ""} for k, name in enumerate(licences, start=1)],
        "categories": [{"id": k, "name": n, "supercategory": "thing"} for k, n in enumerate(CLASSES, start=1)],
        "images": images,
        "annotations": annotations,
    }


def _image_entry(image_id: int, scene: Scene, used: Sequence[Photograph]) -> dict[str, Any]:
    (height, width), photograph = scene.image.shape[:2], scene.backdrop.photograph
    return {
        "id": image_id,
        "file_name": _scene_name(image_id - 1),
        "width": width,
        "height": height,
        "license": 1 if photograph is None else 2 + used.index(photograph),
        "background": scene.backdrop.name,
    }


def _annotation(annotation_id: int, image_id: int, instance: Instance) -> dict[str, Any]:
    rows, columns = np.flatnonzero(instance.mask.any(1)), np.flatnonzero(instance.mask.any(0))
    box = (columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)
    encoded = rle.encode(np.asfortranarray(instance.mask.astype(np.uint8)))
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": 1 + list(CLASSES).index(instance.name),
        "bbox": [float(value) for value in box],
        "area": float(np.count_nonzero(instance.mask)),
        "segmentation": {"size": list(instance.mask.shape), "counts": encoded["counts"].decode("ascii")},
        "iscrowd": 0,
    }
