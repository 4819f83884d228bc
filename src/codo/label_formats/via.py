"""VGG Image Annotator (VIA) 1 and 2: annotations or a whole project as one JSON file.

::

    {"a.jpg12345": {"filename": "a.jpg", "size": 12345, "file_attributes": {}, "regions":
       [{"shape_attributes": {"name": "rect", "x": 10, "y": 20, "width": 30, "height": 40},
         "region_attributes": {"class": "cat"}}, …]}, …}

A project has this under ``_via_img_metadata``; VIA 1 writes ``regions`` as an object with numbers as keys. Rectangles,
polygons, circles and ellipses are read; points and polylines have no area. The class is the region attribute that all
regions have (``data.class_attribute`` chooses among several); without any attribute all regions are of one class.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codo.core.errors import InputError, nearest
from codo.geometry.curves import ellipse_box, ellipse_points, points_box
from codo.label_formats.json_kind import json_kind
from codo.label_formats.problems import Problems, class_name, finite, read_json
from codo.label_formats.sets import LabelSet, file_sets
from codo.label_formats.table import LabeledImage, LabeledObject, Labels, left_out

WITHOUT_AREA = ("point", "polyline", "line")
ONLY_CLASS = "object"
"""Name of the class where regions have no attributes."""
REGION = "export the annotations from VIA again, or correct the region"


def find(folder: Path) -> list[LabelSet]:
    """The sets of a folder, one file each; empty if it has no files of VIA."""
    return file_sets(folder, ".json", lambda path: json_kind(path) == "via")


def read(one: LabelSet, attribute: str | None = None) -> Labels:
    """Read a file.

    Args:
        one: The file.
        attribute: The region attribute that is the class; ``None``: the only one.

    Raises:
        InputError: Another version, several attributes, or invalid regions; names the first.
    """
    entries = _entries(read_json(one.path), one.path)
    regions = [_regions(entry, i, one.path) for i, entry in enumerate(entries, start=1)]
    key = _class_attribute([region for found in regions for region in found], attribute, one.path)
    problems, kinds = Problems("region"), Counter[str]()
    images: list[LabeledImage] = []
    number = 0
    for i, (entry, found) in enumerate(zip(entries, regions, strict=True), start=1):
        image = LabeledImage(entry["filename"], one.path, i)
        for region in found:
            number += 1
            shape = region.get("shape_attributes")
            kind = shape.get("name") if isinstance(shape, dict) else None
            if kind in WITHOUT_AREA:
                kinds[kind] += 1
                continue
            name = _class_of(region, key)
            filled = _object(name, shape, number) if isinstance(shape, dict) else None
            if not name:
                what, fix = f"without a single value of '{key}'", "give every region one class in VIA"
                problems.add(what, fix, one.path, number, f"in {entry['filename']}")
            elif filled is None:
                problems.add(
                    "whose shape cannot be read", REGION, one.path, number, f"in {entry['filename']}: {shape}"[:90]
                )
            else:
                image.objects.append(filled)
        images.append(image)
    problems.refuse()
    notes = left_out(one.path, "regions", kinds, "without an area")
    if number and key is None:
        notes.append(f"{one.path}: no region has an attribute, so all are of one class, '{ONLY_CLASS}'")
    elif key is not None and attribute is None:
        notes.append(f"{one.path}: the class of a region is its attribute '{key}'")
    return Labels(images, notes)


def _entries(values: Any, path: Path) -> list[dict[str, Any]]:
    """The entries of images."""
    if isinstance(values, dict) and {"project", "metadata", "view"} <= values.keys():
        raise InputError(
            "a project of VIA 3, which is not read", where=str(path), fix="label images with VIA 2, or export COCO"
        )
    if isinstance(values, dict) and "_via_img_metadata" in values:
        values = values["_via_img_metadata"]
    found = [one for key, one in values.items() if not key.startswith("_via")] if isinstance(values, dict) else []
    if not found or not all(isinstance(one, dict) and isinstance(one.get("filename"), str) for one in found):
        raise InputError("no images with a filename in the VIA file", where=str(path), fix="export it from VIA again")
    return found


def _regions(entry: dict[str, Any], number: int, path: Path) -> list[dict[str, Any]]:
    regions = entry.get("regions") or []
    found = list(regions.values()) if isinstance(regions, dict) else regions
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise InputError(f"the regions of image {number} are no list of objects", where=str(path), fix=REGION)
    return found


def _class_attribute(regions: Sequence[dict[str, Any]], attribute: str | None, path: Path) -> str | None:
    """The attribute that is the class; ``None`` if regions have none.

    Raises:
        InputError: There are several, or not the one that was asked for.
    """
    counts = Counter(key for one in regions for key, value in _attributes(one).items() if value not in ("", None))
    if attribute is not None:
        if counts and attribute not in counts:
            fix = nearest(attribute, list(counts)) or f"choose one with data.class_attribute= ({', '.join(counts)})"
            raise InputError(f"no region has the attribute '{attribute}'", where=str(path), fix=fix)
        return attribute
    if len(counts) > 1:
        told = ", ".join(f"{key} ({count} of {len(regions)} regions)" for key, count in counts.most_common(6))
        first = counts.most_common(1)[0][0]
        raise InputError(
            f"regions have {len(counts)} attributes, any of which may be the class: {told}",
            where=str(path),
            fix=f"choose one, such as data.class_attribute={first}",
        )
    return next(iter(counts), None)


def _attributes(region: dict[str, Any]) -> dict[str, Any]:
    attributes = region.get("region_attributes")
    return attributes if isinstance(attributes, dict) else {}


def _class_of(region: dict[str, Any], key: str | None) -> str:
    """The class of a region; a check box is an object of options with true or false."""
    if key is None:
        return ONLY_CLASS
    value = _attributes(region).get(key)
    if isinstance(value, dict):
        chosen = [option for option, on in value.items() if on]
        value = chosen[0] if len(chosen) == 1 else None
    return class_name(value)


def _object(name: str, shape: dict[str, Any], number: int) -> LabeledObject | None:
    """The object of a shape, or ``None`` if its numbers are not valid."""

    def numbers(*keys: str) -> list[float] | None:
        return finite(shape.get(key) for key in keys)

    kind = shape.get("name")
    if kind == "rect" and (box := numbers("x", "y", "width", "height")):
        return LabeledObject(name, box, number)
    if kind == "circle" and (values := numbers("cx", "cy", "r")):
        x, y, radius = values
        return _ellipse(name, number, x, y, radius, radius, 0.0)
    if kind == "ellipse" and (values := numbers("cx", "cy", "rx", "ry")):
        theta = finite([shape.get("theta") or 0])  # in radians
        x, y, rx, ry = values
        return _ellipse(name, number, x, y, rx, ry, math.degrees(theta[0])) if theta else None
    if kind == "polygon":
        xs, ys = shape.get("all_points_x"), shape.get("all_points_y")
        if isinstance(xs, list) and isinstance(ys, list) and len(xs) == len(ys) >= 3:
            points = finite(v for point in zip(xs, ys, strict=True) for v in point)
            if points:
                return LabeledObject(name, points_box(points), number, outline=[points])
    return None


def _ellipse(name: str, number: int, x: float, y: float, rx: float, ry: float, degrees: float) -> LabeledObject:
    outline = [ellipse_points(x, y, rx, ry, degrees)]
    return LabeledObject(name, ellipse_box(x, y, rx, ry, degrees), number, outline=outline, clip=True)
