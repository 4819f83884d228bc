"""Label Studio's JSON-MIN, turned into the tasks of its JSON.

::

    [{"id": 17, "image": "/data/upload/1/1f2e3d4c-a.jpg", "annotation_id": 7, "updated_at": "2024-01-02…",
      "label": [{"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0, "rectanglelabels": ["cat"],
                 "original_width": 100, "original_height": 80}, …]}, …]

A row is an annotation, so that a task with several has several rows. Regions are listed by the control that made them
and have no type and no id: a shape whose labels come from a control of their own (``<Labels>``) stands in both lists,
with its labels in one of them.
"""

from __future__ import annotations

import json
from typing import Any

PLACE = ("x", "y", "width", "height", "rotation", "radiusX", "radiusY", "points", "rle", "vertices")
"""What says where a region is."""


def complete_tasks(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of JSON-MIN as tasks of JSON, which are returned as they are."""
    if any("annotations" in row or "completions" in row for row in rows):
        return rows
    tasks: dict[Any, dict[str, Any]] = {}
    for i, row in enumerate(rows):
        key = row["id"] if isinstance(row.get("id"), int | str) else f"row {i}"
        annotation = {name: row.get(name) for name in ("created_at", "updated_at")} | {"result": _results(row)}
        tasks.setdefault(key, {"data": row, "annotations": []})["annotations"].append(annotation)
    return list(tasks.values())


def _results(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The regions of a row as results; those without labels only if no region at their place has some."""
    lists = [value for value in row.values() if isinstance(value, list)]
    regions = [one for values in lists for one in values if isinstance(one, dict) and "original_width" in one]
    labeled = {_place(one) for one in regions if _is_labeled(one)}
    read = [one for one in regions if _is_labeled(one) or _place(one) not in labeled]
    return [{**one, "type": _type(one), "value": one} for one in read]


def _is_labeled(region: dict[str, Any]) -> bool:
    return any(key.endswith("labels") for key in region)


def _type(region: dict[str, Any]) -> str:
    """The type of a result: the key of its labels, such as ``rectanglelabels``; its shape if that key says none."""
    return next((key for key in region if key.endswith("labels") and key != "labels"), _shape(region))


def _place(region: dict[str, Any]) -> str:
    return json.dumps([region.get(key) for key in PLACE], default=str)


def _shape(region: dict[str, Any]) -> str:
    """The kind of a region by its keys."""
    kinds = {"rle": "brush", "vertices": "vector", "points": "polygon", "radiusX": "ellipse", "height": "rectangle"}
    return next((kind for key, kind in kinds.items() if key in region), "keypoint" if "x" in region else "other")
