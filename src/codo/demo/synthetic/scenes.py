"""Write the generated data set of ``codo demo``, at any size.

Files that `write_demo` writes::

    unlabeled/object-00000.jpg ...                      one object each; no labels
    unlabeled/photo-00000.jpg ...                       crops of photographs in installed packages
    detection/train/scene-00000.jpg ...                 scenes with one to four labeled objects among clutter
    detection/val/scene-00000.jpg ...
    detection/annotations/instances_train.json          COCO: boxes and masks; written last, so a complete set has both
    detection/annotations/instances_val.json
    CREDITS.txt                                         authors and licenses of the photographs, if any were used

At least half of every labeled object is visible (`compositor.MIN_VISIBLE`), and no object is visible but unlabeled.
Annotations (see `coco`) depend only on seed and size, pixels also on whether the photographs are installed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from codo.core.errors import InputError
from codo.demo.synthetic import photographs
from codo.demo.synthetic.classes import CLASSES
from codo.demo.synthetic.coco import CocoWriter
from codo.demo.synthetic.composing import Series, detection_scene, object_image, photograph_image
from codo.demo.synthetic.photographs import Photograph

JPEG_QUALITY = 92
PHOTO_IMAGES = 2  # unlabeled crops of each photograph
_FIRST_VAL = 10_000 * len(CLASSES)  # larger than the index of any training image
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class DemoData:
    """Paths of the data set.

    Attributes:
        root: The folder given to `write_demo`.
        unlabeled: Object images, for foregrounds.
        train: Images of the training scenes.
        val: Images of the validation scenes.
        train_json: COCO annotations of ``train``.
        val_json: COCO annotations of ``val``.
        classes: Class names in the order of their category ids, from 1.
        photographs: The photographs used; empty if no package with photographs is installed.
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
    """Render the data set; takes about 10 ms per image of 192 pixels on one core.

    Args:
        out: Folder to write to, created if missing. The same call again writes the same bytes.
        size: Side of the square images in pixels.
        objects: Number of object images, for pretraining.
        train: Number of training scenes.
        val: Number of validation scenes.
        seed: Seed of the data set; every image is a pure function of (seed, split, index, size).
        use_photographs: Use photographs in installed packages for some backgrounds.
        progress: Called as ``progress(done, total)`` after every image.

    Raises:
        InputError: A number out of range, or image folders in ``out`` with files of another data set.
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
    splits = ((Series.TRAIN, data.train, data.train_json, train), (Series.VAL, data.val, data.val_json, val))
    _claim(
        data.unlabeled, [_name("object", k) for k in range(objects)] + [_name("photo", k) for k in range(len(pieces))]
    )
    for _, folder, _, count in splits:
        _claim(folder, [_name("scene", k) for k in range(count)])
    data.train_json.parent.mkdir(parents=True, exist_ok=True)

    ticks = _ticker(progress, objects + len(pieces) + train + val)
    for k in range(objects):
        _write_jpeg(data.unlabeled / _name("object", k), object_image(seed, k, size, available).image)
        next(ticks)
    for k, photograph in enumerate(pieces):
        _write_jpeg(data.unlabeled / _name("photo", k), photograph_image(seed, k, size, photograph))
        next(ticks)
    for series, folder, json_file, count in splits:
        coco = CocoWriter(f"CoDo demo scenes, seed {seed}, {size} pixels", available)
        for k in range(count):
            scene = detection_scene(seed, series, k, size, available)
            _write_jpeg(folder / _name("scene", k), scene.image)
            coco.add(scene, _name("scene", k))
            next(ticks)
        _write_text(json_file, json.dumps(coco.content))
    if available:
        _write_text(out / "CREDITS.txt", credits_text(available))
    return data


def write_pictures(
    out: Path, *, size: int = 192, train: int = 600, val: int = 160, seed: int = 0, use_photographs: bool = True
) -> Path:
    """Render object images in class folders, the layout of ImageNet, for methods and probes that need labels.

    ``out/train/CLASS/object-00000.jpg`` are the object images of `write_demo` with the same seed; ``out/val/…`` differ.

    Returns:
        ``out``.
    """
    available = photographs.installed() if use_photographs else ()
    for split, numbers in (("train", range(train)), ("val", range(_FIRST_VAL, _FIRST_VAL + val))):
        for k, name in enumerate(CLASSES):
            _claim(out / split / name, [_name("object", i) for i in numbers if i % len(CLASSES) == k])
        for i in numbers:
            file = out / split / tuple(CLASSES)[i % len(CLASSES)] / _name("object", i)
            _write_jpeg(file, object_image(seed, i, size, available).image)
    return out


def credits_text(used: Sequence[Photograph]) -> str:
    """One line for each photograph: file, author, license."""
    lines = [f"{photo.package}/{photo.path}: {photo.author}, {photo.license}" for photo in used]
    return "\n".join(["Some pictures show pieces of these photographs:", *lines, ""])


def _name(kind: str, index: int) -> str:
    return f"{kind}-{index:05d}.jpg"


def _claim(folder: Path, names: Sequence[str]) -> None:
    """Create a folder for exactly these files; other files in it, except hidden ones, are an error."""
    present = {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")} if folder.is_dir() else set()
    if foreign := sorted(present - set(names)):
        raise InputError(
            f"{folder} holds files of another data set, such as {foreign[0]}",
            where="demo",
            fix="give another --out, or remove that folder",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot create the folder {folder}: {error.strerror}", where="demo", fix="give another --out"
        ) from error


def _ticker(progress: Progress | None, total: int) -> Iterator[None]:
    """Report one more finished image at every ``next``."""
    for done in range(1, total + 1):
        if progress is not None:
            progress(done, total)
        yield


def _write_jpeg(file: Path, image: NDArray[np.uint8]) -> None:
    file.write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=JPEG_QUALITY, colorsubsampling="420"))


def _write_text(file: Path, text: str) -> None:
    """Write to a temporary name, then rename, so that an existing file is complete."""
    temporary = file.with_name(f".{file.name}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)
