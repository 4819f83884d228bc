"""Detections joined with the ground truth: for each image its objects, its detections and their overlaps."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from codo.annotations.records import Annotations
from codo.core.errors import InputError
from codo.evaluation.matching import MOST, Flags, Floats, overlaps
from codo.geometry.segmentations import compress
from codo.models.pixel_rules import DEFAULT_RULES, PixelRules

Kind = Literal["bbox", "segm"]


@dataclass(frozen=True, slots=True)
class DetectedObject:
    """A labeled object or a detection.

    Attributes:
        label: Its class, an index into `Detections.classes`.
        bbox: x, y, width, height in pixels.
        segmentation: COCO segmentation, if there is one.
        score: Confidence; 0 for labeled objects.
        crowd: Ignored in evaluation: a crowd region of COCO or a difficult object of VOC.
    """

    label: int
    bbox: tuple[float, float, float, float]
    segmentation: Any = None
    score: float = 0.0
    crowd: bool = False

    @property
    def box(self) -> tuple[float, float, float, float]:
        """``x1, y1, x2, y2``, half-open."""
        x, y, w, h = self.bbox
        return x, y, x + w, y + h


@dataclass(frozen=True)
class ImageResult:
    """An image with G objects and D detections.

    Attributes:
        name: File name, relative to the image folder.
        file: Path of the file.
        size: Width and height in pixels.
        truth: Its labeled objects.
        found: Its detections, most confident first.
        table: `codo.evaluation.matching.overlaps`, ``(D, G)``.
        pixel_rules: How the values of the file become colors.
    """

    name: str
    file: Path
    size: tuple[int, int]
    truth: Sequence[DetectedObject]
    found: Sequence[DetectedObject]
    table: Floats
    pixel_rules: PixelRules = DEFAULT_RULES

    @property
    def same(self) -> Flags:
        """Whether detection and object are of the same class, ``(D, G)``."""
        found, truth = (np.array([obj.label for obj in objects], np.int64) for objects in (self.found, self.truth))
        flags: Flags = found[:, None] == truth[None]
        return flags

    @property
    def crowd(self) -> Flags:
        """Which objects are crowd regions, ``(G,)``."""
        return np.array([obj.crowd for obj in self.truth], dtype=np.bool_)

    @property
    def scores(self) -> npt.NDArray[np.float64]:
        """Scores of the detections, ``(D,)``."""
        return np.array([obj.score for obj in self.found], dtype=np.float64)


@dataclass(frozen=True)
class Detections:
    """All images of a split with their detections.

    Attributes:
        classes: Names of the classes.
        image_results: The images, sorted by id: COCO breaks ties in this order.
        kind: Whether overlaps are those of boxes or of masks.
        dropped: Number of detections left out because COCO uses at most 100 of a class in an image.
    """

    classes: Sequence[str]
    image_results: Sequence[ImageResult] = field(repr=False)
    kind: Kind = "bbox"
    dropped: int = 0


def join(annotations: Annotations, results: Sequence[Mapping[str, Any]], kind: Kind) -> Detections:
    """Join detections with the objects of their images.

    Args:
        annotations: The ground truth, with images.
        results: A COCO result file as `codo.annotations.coco.results.read_results` gives it, checked against the truth.
        kind: Overlaps of boxes, or of masks.

    Raises:
        InputError: ``kind`` is ``segm`` and an object has no mask.
    """
    if kind == "segm" and not annotations.segmentations.present.all():
        row = int(np.argmin(annotations.segmentations.present))
        raise InputError(
            f"an object without a mask: annotation {annotations.object_ids[row]} of {annotations.name_of(row)}",
            where=str(annotations.source),
            fix="match by boxes instead: by=bbox",
        )
    label_of = {category.id: label for label, category in enumerate(annotations.categories)}
    rows = defaultdict[int, list[Mapping[str, Any]]](list)
    for row_ in results:
        rows[row_["image_id"]].append(row_)
    image_results, dropped, ignored = [], 0, annotations.ignored
    for i in np.argsort(annotations.image_ids, kind="stable").tolist():
        height, width = (int(side) for side in annotations.sizes[i])
        in_image = sorted(rows[int(annotations.image_ids[i])], key=lambda row: -float(row["score"]))
        counted = _most(in_image)
        dropped += len(in_image) - len(counted)
        found = [_detection(row, label_of, height, width) for row in counted]
        truth = _objects(annotations, i, ignored)
        crowd = [obj.crowd for obj in truth]
        if kind == "bbox":
            table = overlaps([obj.bbox for obj in found], [obj.bbox for obj in truth], crowd)
        else:
            codes = [[rle(t.segmentation, height, width) for t in objects] for objects in (found, truth)]
            table = overlaps(codes[0], codes[1], crowd)
        name = str(annotations.file_names[i])
        path, rules = annotations.path(i), annotations.pixel_rules
        image_results.append(ImageResult(name, path, (width, height), truth, found, table, rules))
    return Detections([category.name for category in annotations.categories], image_results, kind, dropped)


def rle(segmentation: Any, height: int, width: int) -> dict[str, Any]:
    """Polygons or any form of RLE as the RLE that pycocotools takes, for an image of ``height`` x ``width`` pixels."""
    if isinstance(segmentation, list):
        code: dict[str, Any] = coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
        return code
    return compress(segmentation)


def _most(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The detections of an image, best first, at most the 100 best of each class."""
    seen, kept = Counter[int](), []
    for row in rows:
        seen[row["category_id"]] += 1
        if seen[row["category_id"]] <= MOST:
            kept.append(row)
    return kept


def _detection(row: Mapping[str, Any], label_of: Mapping[int, int], height: int, width: int) -> DetectedObject:
    segmentation = row.get("segmentation")
    bbox = row["bbox"] if "bbox" in row else coco_mask.toBbox(rle(segmentation, height, width)).tolist()
    x, y, w, h = (float(v) for v in bbox)
    return DetectedObject(label_of[row["category_id"]], (x, y, w, h), segmentation, float(row["score"]))


def _objects(annotations: Annotations, i: int, ignored: Flags) -> list[DetectedObject]:
    rows = annotations.objects(i)
    labels, boxes = annotations.labels[rows], annotations.bbox[rows].tolist()
    return [
        DetectedObject(int(label) - 1, (x, y, w, h), annotations.segmentations[row], crowd=bool(crowd))
        for row, label, (x, y, w, h), crowd in zip(
            range(rows.start, rows.stop), labels, boxes, ignored[rows], strict=True
        )
    ]
