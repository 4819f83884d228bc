"""Detections beside the truth: which objects of an image were found, and how well the image went.

Detections are matched as COCO does: greedily by confidence, same class, IoU of at least 0.5, crowd regions neither
right nor wrong. The confidence above which a detection counts is the one with the best F1 over all images, so that a
weak model is not shown as one that says nothing. The score of an image is then

    found / (found + missed + wrong)      (the critical success index; 1 without objects and detections)
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from codo.errors import InputError
from codo.views.boxes import iou

LEAST_IOU = 0.5

BoxTuple = tuple[float, float, float, float]


@dataclass(frozen=True)
class Thing:
    """An object or a detection.

    Attributes:
        name: Its class.
        box: ``x1, y1, x2, y2`` in pixels.
        segmentation: As COCO writes it, if there is one.
        score: Confidence in [0, 1]; ``None`` for objects.
        crowd: A region of many objects.
    """

    name: str
    box: BoxTuple
    segmentation: Any = None
    score: float | None = None
    crowd: bool = False


@dataclass
class Scene:
    """An image with its objects and detections.

    Attributes:
        file: The image.
        size: Width and height in pixels.
        truth: Its objects.
        detections: What was detected, most confident first.
        matched: For each detection, the object it found (see `match`).
        ignored: For each detection, whether it lies in a crowd region.
    """

    file: Path
    size: tuple[int, int]
    truth: list[Thing]
    detections: list[Thing]
    matched: list[int | None] = field(default_factory=list)
    ignored: list[bool] = field(default_factory=list)

    def counts(self, threshold: float) -> tuple[int, int, int]:
        """Objects found, objects missed, detections that are wrong, counting detections of at least ``threshold``."""
        kept = [i for i, d in enumerate(self.detections) if (d.score or 0) >= threshold and not self.ignored[i]]
        found = sum(self.matched[i] is not None for i in kept)
        return found, sum(not t.crowd for t in self.truth) - found, len(kept) - found

    def score(self, threshold: float) -> float:
        """The image's score, see the top of this file."""
        found, missed, wrong = self.counts(threshold)
        return found / (found + missed + wrong) if found + missed + wrong else 1.0

    def missed(self, threshold: float) -> set[int]:
        """Indices of the objects that no detection of at least ``threshold`` found."""
        found = {m for m, d in zip(self.matched, self.detections, strict=True) if (d.score or 0) >= threshold}
        return {i for i, t in enumerate(self.truth) if not t.crowd and i not in found}


def read_scenes(annotations: Path, images: Path, results: Path) -> list[Scene]:
    """Join a COCO annotation file with a COCO result file.

    Args:
        annotations: COCO instances.
        images: Folder of the image files.
        results: ``[{"image_id", "category_id", "bbox": [x, y, w, h], "score", …}, …]``.

    Raises:
        InputError: A file that cannot be read as what it should be.
    """
    truth, found = _read(annotations), _read(results)
    try:
        names = {int(c["id"]): str(c["name"]) for c in truth["categories"]}
        objects, detections = defaultdict[int, list[Thing]](list), defaultdict[int, list[Thing]](list)
        for row in truth["annotations"]:
            objects[row["image_id"]].append(_thing(row, names))
        for row in found:
            detections[row["image_id"]].append(_thing(row, names))
        scenes = []
        for row in truth["images"]:
            ranked = sorted(detections[row["id"]], key=lambda d: -(d.score or 0))
            size = (int(row["width"]), int(row["height"]))
            scene = Scene(images / str(row["file_name"]), size, objects[row["id"]], ranked)
            match(scene)
            scenes.append(scene)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"not COCO annotations and results ({error})",
            where=f"{annotations}, {results}",
            fix="run codo evaluate again",
        ) from error
    return scenes


def match(scene: Scene) -> None:
    """Match detections, most confident first, with objects of their class; each object is found once."""
    boxes = [np.array([thing.box for thing in things]).reshape(-1, 4) for things in (scene.detections, scene.truth)]
    overlaps = iou(boxes[0][:, None], boxes[1][None])
    free = {i for i, thing in enumerate(scene.truth) if not thing.crowd}
    for detection, overlap in zip(scene.detections, overlaps, strict=True):
        same = [i for i, thing in enumerate(scene.truth) if thing.name == detection.name]
        best = max((i for i in same if i in free), key=overlap.__getitem__, default=None)
        if best is not None and overlap[best] < LEAST_IOU:
            best = None
        free.discard(-1 if best is None else best)
        crowds = [scene.truth[i].box for i in same if scene.truth[i].crowd]
        scene.matched.append(best)
        scene.ignored.append(best is None and any(_inside(detection.box, crowd) >= LEAST_IOU for crowd in crowds))


def best_threshold(scenes: Sequence[Scene]) -> float:
    """The highest confidence, in steps of 0.01, with the best F1 over all scenes; 0.5 if nothing is ever found."""
    judged = [
        (detection.score or 0.0, matched is not None)
        for scene in scenes
        for detection, matched, ignored in zip(scene.detections, scene.matched, scene.ignored, strict=True)
        if not ignored
    ]
    objects = sum(not thing.crowd for scene in scenes for thing in scene.truth)
    if not any(hit for _, hit in judged):
        return 0.5
    scores = np.sort([score for score, _ in judged])
    hits = np.sort([score for score, hit in judged if hit])
    steps = np.arange(100) / 100
    kept, found = (len(values) - np.searchsorted(values, steps) for values in (scores, hits))
    f1 = 2 * found / (kept + objects)
    return float(steps[99 - int(np.argmax(f1[::-1]))])


def _thing(row: dict[str, Any], names: dict[int, str]) -> Thing:
    x, y, w, h = (float(v) for v in row["bbox"])
    score = None if row.get("score") is None else float(row["score"])
    name = names[int(row["category_id"])]
    return Thing(name, (x, y, x + w, y + h), row.get("segmentation") or None, score, bool(row.get("iscrowd")))


def _inside(box: BoxTuple, crowd: BoxTuple) -> float:
    """Share of ``box`` that lies in ``crowd``: COCO's overlap for crowd regions."""
    w = max(0.0, min(box[2], crowd[2]) - max(box[0], crowd[0]))
    h = max(0.0, min(box[3], crowd[3]) - max(box[1], crowd[1]))
    area = (box[2] - box[0]) * (box[3] - box[1])
    return w * h / area if area > 0 else 0.0


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"cannot read the JSON file: {error}", where=str(path), fix="correct or make it again"
        ) from error
