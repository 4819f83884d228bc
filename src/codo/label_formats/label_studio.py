"""Label Studio: the exports JSON and JSON-MIN, one list of tasks.

::

    [{"id": 1, "data": {"image": "/data/upload/1/1f2e3d4c-a.jpg"}, "annotations": [{"id": 7, "result":
        [{"type": "rectanglelabels", "original_width": 100, "original_height": 80, "from_name": "label",
          "value": {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0, "rectanglelabels": ["cat"]}}, …]}]}, …]

Positions are in percent of the image. A rectangle is rotated clockwise about its corner ``x, y``, in pixels; its box is
the extent after that. Rectangles, polygons and ellipses are read; brushes and key points are left out. A shape and its
labels may be two results of the same ``id``. Of several annotations of a task the latest that is not canceled is read.
JSON-MIN has less (`label_studio_min`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from codo.core.errors import InputError
from codo.geometry.curves import ellipse_box, ellipse_points, points_box, rectangle_points
from codo.label_formats.json_kind import json_kind
from codo.label_formats.label_studio_min import complete_tasks
from codo.label_formats.problems import Problems, class_name, finite, read_rows
from codo.label_formats.sets import LabelSet, file_sets
from codo.label_formats.table import LabeledImage, LabeledObject, Labels, left_out
from codo.sources.listing import IMAGE_EXTENSIONS, extension

SHAPES = ("rectangle", "polygon", "ellipse")
WITHOUT_SHAPE = ("brush", "keypoint", "bitmask", "vector", "other")
REGION = "export the project from Label Studio again, as JSON"


def find(folder: Path) -> list[LabelSet]:
    """The sets of a folder, one file each; empty if it has no exports of Label Studio."""
    return file_sets(folder, ".json", lambda path: json_kind(path) == "label_studio")


def read(one: LabelSet) -> Labels:
    """Read a file.

    Raises:
        InputError: Not such an export, or invalid results; names the first and how many there are.
    """
    tasks = complete_tasks(read_rows(one.path, "tasks", REGION))
    problems, counts, kinds = Problems("result"), Counter[str](), Counter[str]()
    images: list[LabeledImage] = []
    number = 0
    for i, task in enumerate(tasks, start=1):
        results = _results(task, counts)
        if results is None:
            continue
        image = LabeledImage(_image_name(task, i, one.path), one.path, i)
        for result in _with_labels(results):
            number += 1
            kind = str(result.get("type") or "").removesuffix("labels")
            if kind not in SHAPES:
                kinds[kind] += kind in WITHOUT_SHAPE
                continue
            _add(image, result, kind, number, problems, counts, one.path)
        images.append(image)
    problems.refuse()
    if not images:
        raise InputError("no task has an annotation", where=str(one.path), fix="label images, and export again")
    return Labels(
        images, left_out(one.path, "results", +kinds, "that are no boxes or polygons") + _notes(counts, one.path)
    )


def _notes(counts: Counter[str], path: Path) -> list[str]:
    told = {
        "several": "tasks have several annotations; the latest of each is read",
        "unlabeled": "tasks without an annotation, or with canceled ones only, are left out",
        "rotated": "rectangles and ellipses are rotated; their boxes are the extents after it",
        "multiple": "results have several labels; each label is an object of its own",
        "predictions": "tasks have predictions, which are not read",
    }
    return [f"{path}: {counts[key]} {text}" for key, text in told.items() if counts[key]]


def _results(task: dict[str, Any], counts: Counter[str]) -> list[dict[str, Any]] | None:
    """The results of a task, ``None`` if it is not labeled."""
    counts["predictions"] += bool(task.get("predictions"))
    annotations = task.get("annotations", task.get("completions")) or []
    done = [
        one for one in annotations if isinstance(one, dict) and not (one.get("was_cancelled") or one.get("skipped"))
    ]
    if not done:
        counts["unlabeled"] += 1
        return None
    counts["several"] += len(done) > 1
    latest = max(
        enumerate(done), key=lambda item: (str(item[1].get("updated_at") or item[1].get("created_at") or ""), item[0])
    )
    return [one for one in latest[1].get("result") or [] if isinstance(one, dict)]


def _image_name(task: dict[str, Any], number: int, path: Path) -> str:
    """The image of a task: ``data.image``, or the only value that looks like one."""
    data = task.get("data") if isinstance(task.get("data"), dict) else task
    assert isinstance(data, dict)
    named = data.get("image")
    if isinstance(named, str) and named:
        return named
    found = [one for one in data.values() if isinstance(one, str) and extension(one.split("?")[0]) in IMAGE_EXTENSIONS]
    if len(found) != 1:
        raise InputError(
            f"task {number} does not say which image it is of", where=str(path), fix="name it in data.image of the task"
        )
    return found[0]


def _with_labels(results: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The results that are shapes; labels that are results of their own are joined by their ``id``."""
    labels = defaultdict[Any, list[str]](list)
    for one in results:
        value = one.get("value")
        if one.get("type") == "labels" and isinstance(value, dict):
            labels[one.get("id")] += value.get("labels") or []
    for one in results:
        value = one.get("value")
        if one.get("type") in SHAPES and one.get("id") in labels and isinstance(value, dict):
            yield {**one, "value": {**value, "labels": labels[one["id"]]}}
        elif one.get("type") != "labels":
            yield one


def _add(
    image: LabeledImage,
    result: dict[str, Any],
    kind: str,
    number: int,
    problems: Problems,
    counts: Counter[str],
    path: Path,
) -> None:
    value = result.get("value")
    value = value if isinstance(value, dict) else {}
    named = value.get(f"{kind}labels") or value.get("labels") or []
    names = [class_name(name) for name in named] if isinstance(named, list) else []
    sides = finite((result.get("original_width"), result.get("original_height")))
    where = f"of task {result.get('task', image.number)}: {value}"[:90]
    if not names or not all(names):
        problems.add("without a label", "give every region a label in Label Studio", path, number, where)
    elif sides is None or min(sides) <= 0:
        problems.add("without original_width and original_height", REGION, path, number, where)
    elif result.get("image_rotation"):
        what = "that were drawn on an image turned in Label Studio"
        problems.add(what, "turn the image file instead, and label it as it is", path, number, where)
    elif (made := _object(kind, value, sides, number)) is None:
        problems.add("whose position cannot be read", REGION, path, number, where)
    else:
        image.size = int(sides[1]), int(sides[0])
        counts["multiple"] += len(set(names)) > 1
        counts["rotated"] += made.clip and bool(value.get("rotation"))
        for name in dict.fromkeys(names):
            image.objects.append(LabeledObject(**{**vars(made), "name": name}))


def _object(kind: str, value: dict[str, Any], sides: list[float], number: int) -> LabeledObject | None:
    """The object of a shape in percent; ``None`` if its numbers are not valid."""
    width, height = sides[0] / 100, sides[1] / 100
    turn = finite([value.get("rotation") or 0])
    if kind == "polygon":
        points = value.get("points")
        if (
            not isinstance(points, list)
            or len(points) < 3
            or not all(isinstance(p, list) and len(p) == 2 for p in points)
        ):
            return None
        flat = finite(v for point in points for v in point)
        if flat is None:
            return None
        outline = [round(v * (height if i % 2 else width), 4) for i, v in enumerate(flat)]
        return LabeledObject("", points_box(outline), number, outline=[outline])
    keys = ("x", "y", "width", "height") if kind == "rectangle" else ("x", "y", "radiusX", "radiusY")
    found = finite(value.get(key) for key in keys)
    if found is None or turn is None:
        return None
    x, y, a, b = (round(v * unit, 4) for v, unit in zip(found, (width, height, width, height), strict=True))
    if kind == "ellipse":
        outline = ellipse_points(x, y, a, b, turn[0])
        return LabeledObject("", ellipse_box(x, y, a, b, turn[0]), number, outline=[outline], clip=True)
    if turn[0] % 360:
        return LabeledObject("", points_box(rectangle_points(x, y, a, b, turn[0])), number, area=a * b, clip=True)
    return LabeledObject("", [x, y, a, b], number)
