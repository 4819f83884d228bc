"""What is told about COCO files of LVIS and Objects365, which have fields of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def dialect_notes(values: Mapping[str, Any], where: str) -> list[str]:
    """Notes on the fields of LVIS and Objects365 that are not used.

    Args:
        values: The content of the file, whose lists may hold anything.
        where: The file.
    """
    notes = []
    if _has(values.get("images"), "not_exhaustive_category_ids"):
        partly = sum(bool(image.get("not_exhaustive_category_ids")) for image in values["images"])
        notes.append(
            f"{where}: LVIS: images are labeled for some classes only; AP is COCO's, which counts detections of the "
            f"others as false (neg_category_ids, and not_exhaustive_category_ids of {partly} images, are not used)"
        )
    if _has(values.get("annotations"), "isfake"):
        rows = values["annotations"]
        fake = sum(bool(one.get("isfake")) for one in rows)
        notes.append(f"{where}: Objects365: {fake} of {len(rows)} objects are depictions (isfake), read as objects")
    return notes


def _has(rows: Any, key: str) -> bool:
    """Whether the first row of a list has a key, and all rows are objects."""
    first = rows[0] if isinstance(rows, list) and rows else None
    return isinstance(first, dict) and key in first and all(isinstance(one, dict) for one in rows)
