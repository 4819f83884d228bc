"""Formats of labels that are not read: how they are recognized, and what to export instead."""

from __future__ import annotations

import re
from pathlib import Path

from codo.core.text import decode_text
from codo.label_formats.json_kind import json_kind
from codo.sources.folder import image_files, visible_files, visible_folders

_HEAD = 2000
_KITTI = re.compile(r"\S.*?(?: -?\d+(?:\.\d*)?(?:e-?\d+)?){14,15}\s*")
"""A class and 14 numbers, with a score 15."""


def export_instead(folder: Path) -> str:
    """What to export instead of the labels in a folder that no reader knows; empty if they are not recognized.

    Args:
        folder: A folder, or a file of labels.
    """
    inside = visible_files(folder) if folder.is_dir() else [folder.name]
    base = folder if folder.is_dir() else folder.parent
    for name in inside:
        if name.lower().endswith(".xml") and b"<annotations>" in _head(base / name):
            return (
                f"{name} is CVAT's own format: export the task from CVAT as COCO 1.0 (converters that read this file "
                "lose or misplace rotated rectangles)"
            )
        if name.lower().endswith(".csv") and (instead := _of_table(_head(base / name))):
            return f"{name} is {instead}"
        if name.lower().endswith(".json") and json_kind(base / name) == "fiftyone":
            return f"{name} is FiftyOne's own format: export with dataset_type=fiftyone.types.COCODetectionDataset"
    if not folder.is_dir():
        return ""
    for one in visible_files(folder / "annotations"):
        if one.endswith(".json") and json_kind(folder / "annotations" / one) == "datumaro":
            return f"annotations/{one} is Datumaro's own format: export COCO with Datumaro"
    if "obj.names" in inside and not any(name.endswith(".data") for name in inside):
        return (
            "obj.names without a data file, as FiftyOne's YOLOv4 export has it: export YOLOv5 (a dataset.yaml), or "
            "write an obj.data with classes, train, valid and names"
        )
    folders = [folder / "labels", *(one / "label_2" for one in (folder, *visible_folders(folder)))]
    if (labels := next((one for one in folders if _is_kitti(one)), None)) is not None:
        return f"{labels.relative_to(folder)}/ has labels of KITTI: convert them to COCO, with FiftyOne or Datumaro"
    if "metadata.jsonl" in inside or "metadata.csv" in inside:
        return "metadata files of Hugging Face's image folders are not read: write the boxes as COCO"
    classes = [one for one in visible_folders(folder) if image_files(one).paths]
    if classes and not any(_has_text(one) for one in (folder, *classes)):
        return f"the images in {classes[0].name}/ and others have no boxes: label them, or use them for pretraining"
    return ""


def _of_table(head: bytes) -> str:
    """What a CSV file of boxes is, and what to export instead, by the names of its columns."""
    columns = {name.strip().strip('#"') for name in head.decode("utf-8-sig", "replace").split("\n")[0].split(",")}
    if {"filename", "region_shape_attributes"} <= columns:
        return "VIA's table of regions: export the annotations from VIA as JSON"
    if {"filename", "class", "xmin", "ymin", "xmax", "ymax"} <= columns:
        return "a table of boxes, as TensorFlow's object detection takes it, or Roboflow exports it: export COCO"
    return ""


def _is_kitti(folder: Path) -> bool:
    first = next((name for name in visible_files(folder) if name.endswith(".txt") and _head(folder / name)), None)
    if first is None:
        return False
    try:
        lines = decode_text(_head(folder / first)).splitlines()
    except UnicodeDecodeError:
        return False
    return bool(lines) and _KITTI.fullmatch(lines[0]) is not None


def _has_text(folder: Path) -> bool:
    return any(name.lower().endswith((".txt", ".json", ".xml", ".csv", ".yaml")) for name in visible_files(folder))


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""
