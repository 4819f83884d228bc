"""Small labeled data sets made on the spot, colored rectangles and ellipses on noise, and a detector for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

CATEGORIES = [{"id": 3, "name": "box"}, {"id": 8, "name": "disc"}]
COLORS = {3: (230, 60, 40), 8: (40, 90, 230)}


def scene(rng: np.random.Generator, height: int, width: int, objects: int) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """An image uint8 (H, W, 3) and its annotations, without ids; objects do not overlap much: one per column."""
    image = rng.integers(90, 150, (height, width, 3), dtype=np.uint8)
    annotations = []
    column = width // objects
    for i in range(objects):
        category = CATEGORIES[int(rng.integers(2))]["id"]
        w, h = (int(rng.integers(column // 2, column - 4)), int(rng.integers(height // 3, height * 2 // 3)))
        x, y = i * column + int(rng.integers(2, column - w)), int(rng.integers(2, height - h))
        mask = np.zeros((height, width), np.uint8)
        if category == 3:
            mask[y : y + h, x : x + w] = 1
            outline: Any = [[x, y, x + w, y, x + w, y + h, x, y + h]]
        else:
            angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
            points = np.stack([x + w / 2 + w / 2 * np.cos(angle), y + h / 2 + h / 2 * np.sin(angle)], axis=1)
            cv2.fillPoly(mask, [points.round().astype(np.int32)], 1)
            outline = [points.round(2).ravel().tolist()]
        image[mask > 0] = COLORS[category]
        annotations.append(
            {"category_id": category, "bbox": [x, y, w, h], "area": float(w * h), "iscrowd": 0, "segmentation": outline}
        )
    return image, annotations


def coco(images: int, seed: int = 0, height: int = 64, width: int = 96) -> tuple[dict[str, Any], list[np.ndarray]]:
    """A COCO dictionary and its images."""
    rng = np.random.default_rng(seed)
    truth: dict[str, Any] = {"images": [], "categories": CATEGORIES, "annotations": []}
    pictures = []
    for i in range(images):
        picture, annotations = scene(rng, height, width, objects=2)
        pictures.append(picture)
        truth["images"].append({"id": 10 + 5 * i, "file_name": f"{i:03}.png", "height": height, "width": width})
        for annotation in annotations:
            truth["annotations"].append({"id": len(truth["annotations"]) + 1, "image_id": 10 + 5 * i, **annotation})
    return truth, pictures


def write(folder: Path, truth: dict[str, Any], pictures: list[np.ndarray], split: str) -> Path:
    """Write a split of a data folder; returns the annotation file."""
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    (folder / split).mkdir(exist_ok=True)
    for entry, picture in zip(truth["images"], pictures, strict=True):
        cv2.imwrite(str(folder / split / entry["file_name"]), picture[:, :, ::-1])
    path = folder / "annotations" / f"instances_{split}.json"
    path.write_text(json.dumps(truth))
    return path


TINY: dict[str, Any] = {
    "model": {"backbone": "resnet18", "width": 0.25, "fpn_channels": 32, "head": "1conv1fc", "head_dim": 64},
    "detector": {
        "anchor_scale": 0.5,
        "proposals": 100,
        "proposals_per_level": 200,
        "sampled_anchors": 64,
        "sampled_boxes": 32,
    },
}
"""A detector for images of 64 pixels that takes about 0.1 s a step on one core."""
