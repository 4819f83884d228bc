"""CreateML (Apple; also written by Roboflow and RectLabel): one JSON list for all images.

::

    [{"image": "a.jpg", "annotations":
        [{"label": "cat", "coordinates": {"x": 25, "y": 40, "width": 30, "height": 40}}, …]}, …]

``x`` and ``y`` are the center of the box, in pixels (``data.box_unit`` for files in other units).
"""

from __future__ import annotations

from pathlib import Path

from codo.core.errors import InputError
from codo.label_formats.json_kind import json_kind
from codo.label_formats.problems import Problems, class_name, finite, read_rows
from codo.label_formats.sets import LabelSet, file_sets
from codo.label_formats.table import LabeledImage, LabeledObject, Labels

BOX = "write a label, and coordinates x, y (of the center), width and height in pixels"


def find(folder: Path) -> list[LabelSet]:
    """The sets of a folder, one file each; empty if it has no files of CreateML."""
    return file_sets(folder, ".json", lambda path: json_kind(path) == "createml")


def read(one: LabelSet) -> Labels:
    """Read a file.

    Raises:
        InputError: Not such a list, or invalid annotations; names the first and how many there are.
    """
    rows = read_rows(one.path, "images", "give a file of CreateML")
    problems = Problems("annotation")
    images: list[LabeledImage] = []
    number = 0
    for i, row in enumerate(rows, start=1):
        name = row.get("image", row.get("imagefilename"))
        found = row.get("annotations", row.get("annotation")) or []
        if not isinstance(name, str) or not name or not isinstance(found, list):
            raise InputError(f"image {i} has no file name, or no list of annotations", where=str(one.path), fix=BOX)
        image = LabeledImage(name, one.path, i)
        for annotation in found:
            number += 1
            fields = annotation if isinstance(annotation, dict) else {}
            place, label = fields.get("coordinates"), class_name(fields.get("label"))
            box = finite(place.get(key) for key in ("x", "y", "width", "height")) if isinstance(place, dict) else None
            if not label:
                problems.add("without a label", BOX, one.path, number, f"of {name}")
            elif box is None:
                what = "whose coordinates are not four numbers"
                problems.add(what, BOX, one.path, number, f"of {name}: {place}"[:90])
            else:
                x, y, width, height = box
                image.objects.append(LabeledObject(label, [x - width / 2, y - height / 2, width, height], number))
        images.append(image)
    problems.refuse()
    return Labels(images)
