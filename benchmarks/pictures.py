"""Pictures to measure on: photographs of a folder, or the demo's own pictures on a machine that has no others.

Photographs differ from rendered pictures in what they cost (bytes of a JPEG, regions of a segmentation), so rows that
are to be quoted are measured with ``--data``. Nothing made here outlives the run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from codo.demo.synthetic.scenes import write_demo

Objects = npt.NDArray[np.float64]
ENDINGS = (".jpg", ".jpeg", ".png")
QUALITY = 95  # about 75 kB at 500 x 375, as the photographs of ImageNet and VOC


def photographs(data: Path | None, out: Path, count: int, longest: int = 500) -> list[Path]:
    """JPEGs of photographs whose longest side is ``longest``; written into ``out``, which is made.

    Args:
        data: A folder that is searched for images; ``None`` takes the demo's pictures.
        out: Where to.
        count: How many; evenly spaced over the folder, and repeated if it has fewer.
        longest: In pixels. The photographs are shrunk to it, or enlarged.
    """
    out.mkdir(parents=True, exist_ok=True)
    found = _images(data) if data else _demo(out.parent / "demo", count, longest)
    written = []
    for number in range(count):
        image = cv2.imread(str(found[number * len(found) // count]))
        if data is None:  # the demo's are square
            image = image[: 3 * longest // 4]
        path = out / f"{number:04d}.jpg"
        cv2.imwrite(str(path), resized(image, longest), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        written.append(path)
    return written


def labeled(data: Path | None, scratch: Path, count: int, sets: Sequence[str] = ()) -> list[tuple[Path, Objects]]:
    """Images with the boxes of their objects, ``(n, 4)`` xyxy.

    Args:
        data: A folder laid out as tests/README.md says. ``None``, or one without such sets: the demo's scenes.
        scratch: Where those are rendered.
        count: Images of each set.
        sets: ``SET/SPLIT`` within ``data``; by default those of `SETS` that are there.
    """
    here = [name for name in sets or SETS if data and annotation_file(data / name).is_file()]
    if data and here:
        return [found for name in here for found in listing(data / name, count)]
    demo = write_demo(scratch / "scenes", size=500, objects=1, train=1, val=count)
    return listing(demo.val, count)


SETS = ("downstream/voc_animals/val", "downstream/coco_masks/val")


def annotation_file(split: Path) -> Path:
    """Where COCO annotations of a folder ``SET/SPLIT`` are."""
    return split.parent / "annotations" / f"instances_{split.name}.json"


def listing(split: Path, most: int) -> list[tuple[Path, Objects]]:
    """Evenly spaced images of ``SET/SPLIT`` with their objects; crowds are left out, and images without objects."""
    coco = json.loads(annotation_file(split).read_text(encoding="utf-8"))
    objects: dict[int, list[list[float]]] = {}
    for a in coco["annotations"]:
        x, y, w, h = a["bbox"]
        if not a.get("iscrowd") and w > 0 and h > 0:
            objects.setdefault(a["image_id"], []).append([x, y, x + w, y + h])
    entries = [e for e in coco["images"] if e["id"] in objects]
    chosen = [entries[i * len(entries) // min(most, len(entries))] for i in range(min(most, len(entries)))]
    return [(split / e["file_name"], np.array(objects[e["id"]])) for e in chosen]


def resized(image: npt.NDArray[np.uint8], longest: int) -> npt.NDArray[np.uint8]:
    """Resize to a longest side: by area where that shrinks, else bicubic."""
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)


def _images(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
    if not found:
        raise SystemExit(f"--data: no images in {folder}")
    return found


def _demo(folder: Path, count: int, size: int) -> list[Path]:
    demo = write_demo(folder, size=size, objects=max(1, count // 2), train=max(1, count // 2), val=1)
    return [*sorted(demo.unlabeled.glob("*.jpg")), *sorted(demo.train.glob("*.jpg"))]
