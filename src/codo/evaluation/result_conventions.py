"""Refuse result files whose boxes or class numbers are not those of the ground truth: their AP would be 0 for nothing.

Perfect detections written as corners, as shares of the image, at the size of the network's input, or with classes that
count from 1 where the data count from 0 are valid files. They are known by what would fit: hardly any of the best
detections is where an object is, but most are if they are read in another way.

Legend: D detections, the most confident of every image, as many as it has objects.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from codo.annotations.records import Annotations
from codo.core.errors import InputError
from codo.evaluation.matching import overlaps
from codo.geometry.boxes import FORMATS, UNITS, Convention, to_pixels
from codo.geometry.extents import outline_extent

Floats = npt.NDArray[np.float64]

SAMPLE = 1000
"""Detections that are compared with the objects of their images."""
HARDLY = 0.1
"""Share of detections with the class of their object up to which classes are suspect."""
RARELY = 0.6
"""Share of detections on an object up to which boxes are suspect: corners near the origin resemble sizes."""
MORE = 0.3
"""By how much another reading has to raise that share."""
MOST = 0.5
"""Share that another reading has to explain."""
FEW = 3
"""Detections below which nothing is said."""


def check_results(where: str, annotations: Annotations, results: Sequence[Mapping[str, Any]]) -> None:
    """Refuse detections whose boxes or categories are written in another way than the ground truth.

    Args:
        where: The result file.
        annotations: The ground truth.
        results: The detections. Without boxes those of their masks are taken, and only categories are checked: masks
            have the size of the image.

    Raises:
        InputError: Another reading explains most of them; the message names it.
    """
    place = {int(id_): i for i, id_ in enumerate(annotations.image_ids)}
    best = _best(annotations, results, place)
    if len(best) < FEW:
        return
    images = np.array([place[row["image_id"]] for row in best])
    written = np.array([_box(row) for row in best], dtype=np.float64)
    overlap, objects = _on_objects(annotations, images, written)
    hit = overlap >= 0.5
    if hit.mean() <= RARELY and "bbox" in best[0]:
        _refuse_boxes(where, annotations, images, written, float(hit.mean()))
    ids = np.array([category.id for category in annotations.categories])
    found = np.array([row["category_id"] for row in best])[hit]
    true = ids[annotations.labels[objects[hit]] - 1]
    if len(found) >= FEW and (found == true).mean() <= HARDLY:
        _refuse_categories(where, ids, found, true)


def _best(
    annotations: Annotations, results: Sequence[Mapping[str, Any]], place: Mapping[int, int]
) -> list[Mapping[str, Any]]:
    """The most confident detections of every image, as many as it has objects, spread over the images."""
    rows = defaultdict[int, list[Mapping[str, Any]]](list)
    for row in results:
        if _box(row) is not None:
            rows[place[row["image_id"]]].append(row)
    counts = np.diff(annotations.offsets)
    chosen = [
        row for i in sorted(rows) for row in sorted(rows[i], key=lambda row: -float(row["score"]))[: int(counts[i])]
    ]
    step = max(1, len(chosen) // SAMPLE)
    return chosen[::step]


def _box(row: Mapping[str, Any]) -> Sequence[float] | None:
    """The box of a detection, or that of its mask; ``None`` if it has neither."""
    return row["bbox"] if "bbox" in row else outline_extent(row.get("segmentation"))


def _on_objects(
    annotations: Annotations, images: npt.NDArray[np.int64], bbox: Floats
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """The largest overlap of every detection with an object of its image, and the row of that object."""
    overlap, objects = np.zeros(len(bbox)), np.zeros(len(bbox), dtype=np.int64)
    for i in np.unique(images).tolist():
        mine, rows = np.flatnonzero(images == i), annotations.objects(i)
        table = overlaps(bbox[mine].tolist(), annotations.bbox[rows].tolist(), [False] * (rows.stop - rows.start))
        overlap[mine], objects[mine] = table.max(axis=1), rows.start + table.argmax(axis=1)
    return overlap, objects


def _refuse_boxes(
    where: str, annotations: Annotations, images: npt.NDArray[np.int64], written: Floats, own: float
) -> None:
    sizes = annotations.sizes[images]

    def share(bbox: Floats) -> float:
        return float((_on_objects(annotations, images, bbox)[0] >= 0.5).mean())

    others = [Convention(format_, unit) for unit in UNITS for format_ in FORMATS]
    fits = {str(other): share(to_pixels(written, sizes, other)) for other in others[1:]}
    long, short = sizes.max(axis=1), sizes.min(axis=1)
    for name, per_image in (
        ("at another scale", np.ones((len(sizes), 2))),
        ("at the size of the network's input (by the long side)", np.stack([long, long], axis=1)),
        ("at the size of the network's input (by the short side)", np.stack([short, short], axis=1)),
        ("at the size of the network's input (stretched to a square)", sizes[:, ::-1]),
    ):
        for format_ in FORMATS:
            bbox = to_pixels(written, sizes, Convention(format_)) * np.tile(per_image, 2)
            factor = _scale(annotations, images, bbox)
            text = name if format_ == "xywh" else f"{name}, as {Convention(format_)}"
            fits.setdefault(f"{text}: times {factor:.4g}" if per_image.max() == 1 else text, share(bbox * factor))
    best = max(fits, key=fits.__getitem__)
    if fits[best] >= max(MOST, own + MORE):
        raise InputError(
            f"{own:.0%} of the best detections are on an object, but {fits[best]:.0%} if the boxes are read as {best}",
            where=where,
            fix="write bbox as [x, y, width, height] in pixels of the image on disk",
        )


def _scale(annotations: Annotations, images: npt.NDArray[np.int64], bbox: Floats) -> float:
    """The factor that most often leads from a detection to an object of its image; 1 if there is none."""
    ratios = []
    for i in np.unique(images).tolist():
        mine, truth = bbox[images == i], annotations.bbox[annotations.objects(i)]
        with np.errstate(divide="ignore", invalid="ignore"):
            each = truth[None, :, 2:] / mine[:, None, 2:]
            wide, high = each[..., 0], each[..., 1]
            near = np.abs(wide - high) <= 0.1 * np.maximum(wide, high)  # NaN where both are infinite
        same = np.isfinite(wide) & (wide > 0) & (high > 0) & near
        ratios.append(np.log(np.sqrt(wide * high, where=same, out=np.ones_like(wide))[same]))
    values = np.concatenate(ratios)
    if not len(values):
        return 1.0
    steps = np.round(values / 0.05).astype(np.int64)
    names, counts = np.unique(steps, return_counts=True)
    return float(np.exp(np.median(values[np.abs(steps - names[counts.argmax()]) <= 1])))


def _refuse_categories(
    where: str, ids: npt.NDArray[np.int64], found: npt.NDArray[np.int64], true: npt.NDArray[np.int64]
) -> None:
    """Refuse class numbers that are those of the ground truth moved by one, or its classes numbered from 0 or 1."""
    if len(np.unique(true)) < 2:  # one class called another may well be a mistake of the detector
        return
    rank = {int(id_): i for i, id_ in enumerate(sorted(ids.tolist()))}
    places = np.array([rank[int(id_)] for id_ in true])
    readings = {
        f"counted from {int(ids.min()) + 1}, where the data count from {int(ids.min())}": true + 1,
        f"counted from {int(ids.min()) - 1}, where the data count from {int(ids.min())}": true - 1,
        "the places of the classes among those of the data, from 0": places,
        "the places of the classes among those of the data, from 1": places + 1,
    }
    fits = {text: float((found == expected).mean()) for text, expected in readings.items()}
    best = max(fits, key=fits.__getitem__)
    explained = [one for one in np.unique(true) if (found == readings[best])[true == one].mean() >= MOST]
    if fits[best] >= MOST and len(explained) > 1:  # else it may be a detector that knows one class only
        raise InputError(
            f"hardly any detection has the class of the object that it is on, but {fits[best]:.0%} have if their "
            f"category_id is {best}",
            where=where,
            fix="write the category ids of the ground truth into the result file",
        )
