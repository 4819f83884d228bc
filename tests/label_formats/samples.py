"""Images of 100 x 80 pixels, and label files written in the layouts of labeling tools; and reading them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from codo.annotations.records import Annotations
from codo.annotations.source import DataSettings, read_annotations
from tests.annotations.refusals import check_lines

WIDTH, HEIGHT = 100, 80


def image(path: Path, width: int = WIDTH, height: int = HEIGHT) -> Path:
    """An image file; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))
    return path


def save(path: Path, values: Any) -> Path:
    """A text or JSON file; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(values if isinstance(values, str) else json.dumps(values), encoding="utf-8")
    return path


def read(folder: Path, split: Any = "train", **more: Any) -> Annotations:
    """A split as `codo finetune data=FOLDER` reads it."""
    return read_annotations(DataSettings(folder=str(folder), **more), split)


def boxes(annotations: Annotations, i: int = 0) -> list[tuple[Any, ...]]:
    """Class and x, y, width, height of every object of an image, rounded to 1/100 pixel."""
    rows = annotations.objects(i)
    names = [annotations.categories[label - 1].name for label in annotations.labels[rows]]
    return [(name, *np.round(box, 2).tolist()) for name, box in zip(names, annotations.bbox[rows], strict=True)]


__all__ = ["HEIGHT", "WIDTH", "boxes", "check_lines", "image", "read", "save"]
