"""What a COCO file may leave out, filled in from what it has: boxes from outlines or keypoints."""

from __future__ import annotations

from typing import Any

from codo.annotations.coco.json_columns import JsonColumns
from codo.geometry.extents import keypoint_extent, outline_extent


def boxes_column(objects: JsonColumns) -> tuple[list[Any], str]:
    """The column ``bbox``, with the extents of outlines or labeled keypoints where it is missing, empty or null.

    Returns:
        The column, and a note on what was filled in; boxes for which there is nothing stay as they are.
    """
    column = [row.get("bbox") for row in objects.rows]
    missing = [i for i, box in enumerate(column) if not box]
    sources = dict.fromkeys(("outlines", "keypoints"), 0)
    for i in missing:
        row = objects.rows[i]
        for source, box in (
            ("outlines", outline_extent(row.get("segmentation"))),
            ("keypoints", keypoint_extent(row.get("keypoints"))),
        ):
            if box is not None:
                column[i] = list(box)
                sources[source] += 1
                break
    told = [f"{count} from {source}" for source, count in sources.items() if count]
    note = f"{objects.path}: boxes that the file has not were taken {' and '.join(told)}" if told else ""
    return column, note
