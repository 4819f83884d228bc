"""Open Images: one CSV file per split.

::

    train-annotations-bbox.csv      ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,…,IsGroupOf,…
    class-descriptions-boxable.csv  /m/01g317,Person
    train/000a1249af2bc5f0.jpg …

Corners are relative to the image, from 0 to 1. Boxes with ``IsGroupOf`` are crowd regions. ``LabelName`` is an id,
named by the file of class descriptions. FiftyOne's layout is read, too: ``train/labels/detections.csv``,
``train/metadata/classes.csv``, ``train/data/``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from codo.core.errors import InputError
from codo.label_formats.problems import Problems, parsed, read_lines
from codo.label_formats.sets import LabelSet, file_sets
from codo.label_formats.table import LabeledImage, LabeledObject, Labels
from codo.sources.folder import visible_files

COLUMNS = ("ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax")
ROW = "write XMin, XMax, YMin and YMax relative to the image, from 0 to 1"


def find(folder: Path) -> list[LabelSet]:
    """The sets of a folder, one file each; empty if it has no boxes of Open Images."""
    return file_sets(folder, ".csv", is_boxes)


def is_boxes(path: Path) -> bool:
    """Whether a CSV file has boxes of Open Images."""
    try:
        with path.open("rb") as file:
            head = file.read(4096).decode("utf-8-sig", "replace").splitlines()
    except OSError:
        return False
    return bool(head) and set(COLUMNS) <= {name.strip() for name in head[0].split(",")}


def read(one: LabelSet) -> Labels:
    """Read a file.

    Raises:
        InputError: Invalid rows; names the first and how many there are.
    """
    known, described = class_descriptions(one.path)
    problems, unknown = Problems("row"), set[str]()
    images: dict[str, LabeledImage] = {}
    depictions = groups = 0
    for number, row in _rows(one.path):
        corners = parsed(row.get(key) or "" for key in ("XMin", "YMin", "XMax", "YMax"))
        name, label = (row.get("ImageID") or "").strip(), (row.get("LabelName") or "").strip()
        if not name or not label:
            problems.add("without an ImageID or LabelName", "write both", one.path, number)
            continue
        if corners is None or not all(-0.01 <= v <= 1.01 for v in corners):
            text = ", ".join(f"{key} {row.get(key)}" for key in COLUMNS[2:])
            problems.add("whose corners are not four numbers from 0 to 1", ROW, one.path, number, text)
            continue
        if label not in known:
            unknown.add(label)
        depictions += row.get("IsDepiction") == "1"
        group = row.get("IsGroupOf") == "1"
        groups += group
        x, y, x2, y2 = corners
        image = images.setdefault(name, LabeledImage(_file_name(name), one.path))
        box = [x, y, x2 - x, y2 - y]
        image.objects.append(LabeledObject(known.get(label, label), box, number, crowd=group))
    problems.refuse()
    if not images:
        raise InputError("no boxes in the file", where=str(one.path), fix="give another file")
    notes = []
    if described is not None:
        notes.append(f"{one.path}: names of classes are those of {described}")
    if unknown:
        first = min(unknown)
        notes.append(f"{one.path}: {len(unknown)} classes have no name in a file of class descriptions: {first}, …")
    if groups:
        notes.append(f"{one.path}: {groups} boxes of groups (IsGroupOf) are crowd regions")
    if depictions:
        notes.append(f"{one.path}: {depictions} boxes are of depictions (IsDepiction), read as objects")
    return Labels(list(images.values()), notes, unit="relative")


def class_descriptions(path: Path) -> tuple[dict[str, str], Path | None]:
    """Name of every class by its id, and the file that says so, near the file of boxes; ``None`` without one."""
    places = [path.parent, path.parent / "metadata", path.parent.parent / "metadata", path.parent.parent]
    files = [place / name for place in places for name in visible_files(place) if name.lower().endswith(".csv")]
    named = [one for one in files if "class-descriptions" in one.name.lower() or one.name.lower() == "classes.csv"]
    if not named:
        return {}, None
    rows = [row for row in csv.reader(read_lines(named[0])) if len(row) >= 2]
    return {row[0].strip(): row[1].strip() for row in rows if row[1].strip()}, named[0]


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with their line numbers."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from enumerate(csv.DictReader(file, skipinitialspace=True), start=2)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read the CSV file: {error}", where=str(path), fix="save it as UTF-8") from error


def _file_name(image_id: str) -> str:
    """The image of an id; some tools write the file name itself."""
    return image_id if image_id.lower().endswith((".jpg", ".jpeg", ".png")) else f"{image_id}.jpg"
