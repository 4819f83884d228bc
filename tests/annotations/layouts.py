"""COCO ground truth written in the layouts of VOC and YOLO, by the definitions of the formats; and reading folders."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import yaml

from codo.annotations.source import DataSettings, read_annotations
from tests.annotations.synthetic import coco, write


def write_coco(folder: Path, splits: dict[str, tuple[dict[str, Any], list[np.ndarray]]]) -> Path:
    """A COCO folder; returns it."""
    for split, (truth, pictures) in splits.items():
        write(folder, truth, pictures, split)
    return folder


def write_every_layout(folder: Path) -> dict[str, Path]:
    """Two splits of four images with two objects each, as COCO, VOC and YOLO."""
    splits = {"train": coco(4, seed=1), "val": coco(4, seed=2)}
    return {
        "coco": write_coco(folder / "coco", splits),
        "voc": write_voc(folder / "voc", splits),
        "yolo": write_yolo(folder / "yolo", splits, outlines=False),
    }


def objects_of(truth: dict[str, Any], image: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Class and annotation of every object of an image."""
    names = {category["id"]: category["name"] for category in truth["categories"]}
    return [(names[a["category_id"]], a) for a in truth["annotations"] if a["image_id"] == image["id"]]


def xml(image: dict[str, Any], objects: list[tuple[str, dict[str, Any]]]) -> str:
    """A VOC XML file: corners counted from 1, both inside."""
    root = ElementTree.Element("annotation")
    size = ElementTree.SubElement(root, "size")
    for key in ("width", "height"):
        ElementTree.SubElement(size, key).text = str(image[key])
    for name, annotation in objects:
        x, y, w, h = annotation["bbox"]
        one = ElementTree.SubElement(root, "object")
        ElementTree.SubElement(one, "name").text = name
        ElementTree.SubElement(one, "difficult").text = str(annotation.get("difficult", 0))
        box = ElementTree.SubElement(one, "bndbox")
        for key, value in zip(("xmin", "ymin", "xmax", "ymax"), (x + 1, y + 1, x + w, y + h), strict=True):
            ElementTree.SubElement(box, key).text = f"{value:g}"
        part = ElementTree.SubElement(one, "part")  # VOC has parts of persons: they are not objects
        ElementTree.SubElement(part, "name").text = "head"
    return ElementTree.tostring(root, encoding="unicode")


def write_voc(
    folder: Path, splits: dict[str, tuple[dict[str, Any], list[np.ndarray]]], year: str | None = "VOC2007"
) -> Path:
    """A VOCdevkit with one year more, or a year's folder alone; returns it."""
    root = folder / year if year else folder
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for split, (truth, pictures) in splits.items():
        stems = []
        for image, picture in zip(truth["images"], pictures, strict=True):
            stem = f"{split}_{Path(image['file_name']).stem}"
            stems.append(stem)
            cv2.imwrite(str(root / "JPEGImages" / f"{stem}.png"), picture[:, :, ::-1])
            (root / "Annotations" / f"{stem}.xml").write_text(xml(image, objects_of(truth, image)))
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text("".join(f"{stem}\n" for stem in stems))
    return folder


def line(image: dict[str, Any], annotation: dict[str, Any], index: int, *, outlines: bool) -> str:
    """One line of a YOLO label file: an outline where there is one, else a box."""
    width, height = image["width"], image["height"]
    if outlines and annotation.get("segmentation"):
        points = np.array(annotation["segmentation"][0]).reshape(-1, 2) / (width, height)
        return " ".join([str(index), *(f"{v:.6f}" for v in points.ravel())])
    x, y, w, h = annotation["bbox"]
    values = ((x + w / 2) / width, (y + h / 2) / height, w / width, h / height)
    return " ".join([str(index), *(f"{v:.6f}" for v in values)])


def write_yolo(
    folder: Path,
    splits: dict[str, tuple[dict[str, Any], list[np.ndarray]]],
    *,
    outlines: bool = True,
    images: str = "images/{split}",
) -> Path:
    """A YOLO folder; returns it."""
    described: dict[str, Any] = {}
    for split, (truth, pictures) in splits.items():
        names = [category["name"] for category in truth["categories"]]
        place = folder / images.format(split=split)
        labels = folder / images.format(split=split).replace("images", "labels")
        place.mkdir(parents=True)
        labels.mkdir(parents=True)
        described |= {"names": names, split: images.format(split=split)}
        for image, picture in zip(truth["images"], pictures, strict=True):
            file = place / image["file_name"]
            cv2.imwrite(str(file), picture[:, :, ::-1])
            lines = [line(image, a, names.index(name), outlines=outlines) for name, a in objects_of(truth, image)]
            if lines:  # an image without objects has no file
                (labels / f"{file.stem}.txt").write_text("\n".join(lines) + "\n")
    (folder / "data.yaml").write_text(yaml.safe_dump(described))
    return folder


def copy(folder: Path, to: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(folder, to))


def settings(folder: Path, **more: Any) -> DataSettings:
    return DataSettings(folder=str(folder), **more)


def names(folder: Path, split: Any, **more: Any) -> list[str]:
    """File names of a split."""
    return read_annotations(settings(folder, **more), split).file_names.tolist()
