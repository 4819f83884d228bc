"""labelme: one JSON file per image.

::

    {"version": "5.5.0", "imagePath": "a.jpg", "imageData": null, "imageHeight": 80, "imageWidth": 100, "shapes":
      [{"label": "cat", "shape_type": "rectangle", "points": [[x1, y1], [x2, y2]], "group_id": null}, …]}

Rectangles (whose two corners come in any order), oriented rectangles, polygons, circles (center, and a point on it)
and masks are read; points and lines have no area. Shapes of one label and ``group_id`` are parts of one object. The
image is ``imagePath``, relative to the JSON file; if it is not there, the one beside the JSON file with its name.
"""

from __future__ import annotations

import base64
import binascii
import math
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from codo.core.errors import InputError
from codo.geometry.curves import ellipse_box, ellipse_points, points_box
from codo.geometry.extents import outline_extent
from codo.geometry.segmentations import draw, encode
from codo.label_formats.json_kind import json_kind
from codo.label_formats.problems import Problems, class_name, finite, read_json
from codo.label_formats.sets import LabelSet, folder_sets
from codo.label_formats.table import LabeledImage, LabeledObject, Labels, left_out
from codo.sources.folder import files_with, image_files, visible_files, visible_folders

POLYGONS = ("polygon", "oriented_rectangle", "rotation", "quadrilateral")
"""Shapes that are given by their corners; the last two are those of X-AnyLabeling."""
WITHOUT_AREA = ("point", "points", "line", "linestrip")
IGNORED = ("__ignore__", "_background_")
"""Labels of shapes that labelme's own converters leave out."""
LABEL_FOLDERS = ("annotations", "labels", "json", "jsons")

SHAPE = "write shapes as labelme does: a label, a shape_type, and points [[x, y], …] in pixels"


def find(folder: Path) -> list[LabelSet]:
    """The sets of a folder; empty if it has no files of labelme."""
    return folder_sets(folder, _has_labels)


def _has_labels(folder: Path) -> bool:
    inside = [one for one in visible_folders(folder) if one.name.lower() in LABEL_FOLDERS]
    for place in [folder, *inside]:
        names = [name for name in visible_files(place) if name.lower().endswith(".json")]
        if any(json_kind(place / name) == "labelme" for name in names[:3]):
            return True
    return False


def read(one: LabelSet) -> Labels:
    """Read the labels of a set; names of images are relative to its folder.

    Raises:
        InputError: Invalid files or shapes; names the first and how many there are.
    """
    problems, kinds, ignored = Problems("shape"), Counter[str](), Counter[str]()
    images: list[LabeledImage] = []
    foreign: list[Path] = []
    merged = renamed = 0
    for path in files_with(one.path, {".json"}).paths:
        values = read_json(path)
        if not isinstance(values, dict) or not isinstance(values.get("shapes"), list):
            foreign.append(path)
            continue
        size = _size(values)
        objects = list(_objects(values["shapes"], path, size, problems, kinds, ignored))
        joined = _join_groups(objects, size)
        merged += len(objects) - len(joined)
        name, other = _image_name(values.get("imagePath"), path, one.path)
        renamed += other
        images.append(LabeledImage(name, path, size=size, objects=joined))
    problems.refuse()
    if not images:
        raise InputError("no labelme files in the folder", where=str(one.path), fix="give another folder")
    notes = left_out(one.path, "shapes", kinds, "without an area") + left_out(
        one.path, "shapes", ignored, "that labelme's converters ignore"
    )
    if merged:
        notes.append(f"{one.path}: shapes of one label and group_id are one object: {merged} shapes fewer")
    if renamed:
        notes.append(f"{one.path}: {renamed} images are those beside the JSON file, as imagePath is not there")
    if foreign:
        notes.append(f"{one.path}: {len(foreign)} JSON files are not of labelme, the first: {foreign[0].name}")
    if unlabeled := _unlabeled(one.path, images):
        told = f"{len(unlabeled)} images without a JSON file are left out, the first: {unlabeled[0]}"
        notes.append(f"{one.path}: {told}")
    return Labels(images, notes)


def _size(values: dict[str, Any]) -> tuple[int, int] | None:
    height, width = values.get("imageHeight"), values.get("imageWidth")
    if type(height) is not int or type(width) is not int:
        return None
    return (height, width) if height > 0 and width > 0 else None


def _image_name(written: Any, path: Path, root: Path) -> tuple[str, bool]:
    """The image of a file relative to ``root``, the folder of the set, and whether it is not the written one."""
    name = written.replace("\\", "/") if isinstance(written, str) else ""
    named = Path(os.path.normpath(path.parent / name)) if name else None
    if named is not None and named.is_file():
        return os.path.relpath(named, root).replace(os.sep, "/"), False
    ending = os.path.splitext(name)[1]
    for candidate in dict.fromkeys((ending, ".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG", ".bmp", ".tif", ".webp")):
        beside = path.with_suffix(candidate) if candidate else path
        if candidate and beside.is_file():
            return os.path.relpath(beside, root).replace(os.sep, "/"), bool(name)
    if named is None or re.match("[A-Za-z]:|/", name):  # of another machine: only its end can be found here
        return name or path.with_suffix(".jpg").name, False
    return os.path.relpath(named, root).replace(os.sep, "/"), False


def _objects(
    shapes: list[Any],
    path: Path,
    size: tuple[int, int] | None,
    problems: Problems,
    kinds: Counter[str],
    ignored: Counter[str],
) -> Iterator[tuple[LabeledObject, Any]]:
    """The objects of a file, each with its ``group_id``."""
    for number, shape in enumerate(shapes, start=1):
        if not isinstance(shape, dict):
            problems.add("that is not a JSON object", SHAPE, path, number)
            continue
        kind, name, points = shape.get("shape_type") or "polygon", class_name(shape.get("label")), shape.get("points")
        if name in IGNORED:
            ignored[name] += 1
        elif kind in WITHOUT_AREA:
            kinds[kind] += 1
        elif not name:
            problems.add("without a label", SHAPE, path, number)
        elif (flat := _flat(points)) is None:
            problems.add("whose points are not pairs of numbers", SHAPE, path, number, f"points {points}"[:80])
        else:
            one = LabeledObject(name, [], number, difficult=shape.get("difficult") is True)
            if wrong := _fill(one, kind, flat, shape.get("mask"), size):
                problems.add(wrong, SHAPE, path, number, f"shape_type {kind}, {len(flat) // 2} points")
            else:
                yield one, shape.get("group_id")


def _flat(points: Any) -> list[float] | None:
    if not isinstance(points, list) or not all(isinstance(one, list) and len(one) == 2 for one in points):
        return None
    return finite(v for one in points for v in one)


def _fill(one: LabeledObject, kind: str, points: list[float], mask: Any, size: tuple[int, int] | None) -> str:
    """Set box and outline of an object; what is wrong with the shape, or empty."""
    count = len(points) // 2
    if kind == "rectangle" and count in (2, 4):
        one.bbox = points_box(points)
    elif kind in POLYGONS and count >= 3:
        one.bbox, one.outline = points_box(points), [points]
        one.clip = kind != "polygon"
    elif kind == "circle" and count == 2:
        x, y, radius = points[0], points[1], math.dist(points[:2], points[2:])
        one.bbox, one.outline, one.clip = (
            ellipse_box(x, y, radius, radius),
            [ellipse_points(x, y, radius, radius)],
            True,
        )
    elif kind == "mask" and count == 2:
        return _fill_mask(one, points, mask, size)
    else:
        known = ("rectangle", "circle", "mask", *POLYGONS)
        return "with too few or too many points" if kind in known else "of an unknown shape_type"
    return ""


def _fill_mask(one: LabeledObject, points: list[float], mask: Any, size: tuple[int, int] | None) -> str:
    """A mask is a PNG of the rectangle between two pixels, both inside."""
    try:
        data = np.frombuffer(base64.b64decode(mask, validate=True), dtype=np.uint8)
        pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except (TypeError, ValueError, binascii.Error, cv2.error):
        pixels = None
    if pixels is None:
        return "whose mask is no PNG in base64"
    inside = (pixels if pixels.ndim == 2 else pixels[:, :, 0]) > 0
    x, y = (int(v) for v in points[:2])
    if size is None:
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        if not len(rows):
            return "with an empty mask"
        width, height = columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1
        one.bbox, one.area = [float(v) for v in (x + columns[0], y + rows[0], width, height)], float(inside.sum())
        return ""
    whole = np.zeros(size, dtype=np.uint8)
    if x < 0 or y < 0 or whole[y : y + inside.shape[0], x : x + inside.shape[1]].shape != inside.shape:
        return "whose mask reaches out of the image"
    whole[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    one.outline = encode(whole)
    box = outline_extent(one.outline)
    one.bbox = list(box or ())
    return "" if box else "with an empty mask"


def _join_groups(objects: list[tuple[LabeledObject, Any]], size: tuple[int, int] | None) -> list[LabeledObject]:
    """One object of all shapes with the same label and ``group_id``."""
    joined: list[LabeledObject] = []
    place: dict[tuple[str, Any], LabeledObject] = {}
    for one, group in objects:
        grouped = isinstance(group, int | str)
        first = place.setdefault((one.name, group), one) if grouped else one
        if first is one:
            joined.append(one)
        else:
            _merge(first, one, size)
    return joined


def _merge(first: LabeledObject, other: LabeledObject, size: tuple[int, int] | None) -> None:
    x, y = min(first.bbox[0], other.bbox[0]), min(first.bbox[1], other.bbox[1])
    ends = [max(a.bbox[i] + a.bbox[i + 2] for a in (first, other)) for i in (0, 1)]
    outlines = [one.outline or [_corners(one.bbox)] for one in (first, other)]
    if all(isinstance(outline, list) for outline in outlines):
        first.outline = outlines[0] + outlines[1]
    elif size is not None:
        masks = [draw(outline, *size) for outline in outlines]
        first.outline = encode(np.maximum(*masks))
    first.bbox = [x, y, ends[0] - x, ends[1] - y]
    first.area, first.clip, first.difficult = None, first.clip or other.clip, first.difficult or other.difficult


def _corners(box: list[float]) -> list[float]:
    x, y, w, h = box
    return [x, y, x + w, y, x + w, y + h, x, y + h]


def _unlabeled(folder: Path, images: list[LabeledImage]) -> list[str]:
    known = {image.name for image in images}
    found = [os.path.relpath(path, folder).replace(os.sep, "/") for path in image_files(folder).paths]
    return [name for name in found if name not in known]
