"""Pictures of detections beside the truth: cards for a gallery, and its filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
from pycocotools import mask as coco_mask

from codo.catalog.decode import Rejected, decode
from codo.errors import CodoError, InputError
from codo.reporting.blocks import Card, Control, Gallery, Picture, Section, Shape, Text
from codo.reporting.detections import Scene, Thing, best_threshold, read_scenes
from codo.reporting.files import config_of
from codo.reporting.numbers import number, percent
from codo.reporting.pictures import Image, data_uri, spread
from codo.run import Run

MOST_SHOWN = 40
"""The most detections drawn on an image."""

LEGEND = [("truth", "object found, detection right"), ("missed", "object missed, detection wrong")]


def scenes_of(run: Run) -> list[Scene]:
    """The validation images of a finetuning run with their detections.

    Raises:
        InputError: No detections were written, or the labelled images are gone.
    """
    results = run.path / "detections_val.json"
    if not results.is_file():
        raise InputError("the run has no detections_val.json yet", where=str(run.path), fix="let it finish")
    annotations, images = labelled_files(config_of(run))
    return read_scenes(annotations, images, results)


def labelled_files(config: Mapping[str, Any]) -> tuple[Path, Path]:
    """The validation split's annotation file and image folder, from ``data`` in the settings.

    Raises:
        InputError: The settings name none that is still there.
    """
    data = config.get("data")
    data = data if isinstance(data, Mapping) else {}
    annotations, images = data.get("val"), data.get("val_images") or data.get("images")
    if not annotations or not Path(annotations).is_file():
        raise InputError("the annotation file of this run is gone", where=str(annotations), fix="put it back")
    return Path(annotations), Path(images) if images else Path(annotations).parent


def scene_cards(scenes: Sequence[Scene], threshold: float, least: float) -> list[Card]:
    """Truth and detections of each image side by side; images that cannot be read are left out.

    Args:
        scenes: In the order of the cards.
        threshold: Confidence from which detections count.
        least: Confidence from which they are in the page at all, hidden below ``threshold``, for its slider.
    """
    cards = []
    for rank, scene in enumerate(scenes):
        try:
            image = decode(scene.file.read_bytes())
        except (OSError, Rejected):
            continue
        found, missed, wrong = scene.counts(threshold)
        score = scene.score(threshold)
        classes = sorted({thing.name for thing in (*scene.truth, *scene.detections)})
        values: dict[str, str | float] = {
            "key": scene.file.name,
            "score": score,
            "classes": "\n".join(classes),
            "rank": rank,
        }
        note = f"score {percent(score)} · {found} found, {missed} missed, {wrong} wrong"
        cards.append(Card(scene_pictures(scene, image, threshold, least), scene.file.name, note, values))
    return cards


def scene_pictures(scene: Scene, image: Image, threshold: float, least: float) -> list[Picture]:
    """The truth (missed objects marked) and the detections (wrong ones marked) of an image."""
    uri, missed = data_uri(image), scene.missed(threshold)
    truth = [
        Shape(f"truth-side {'missed' if i in missed else 'truth'}", thing.box, thing.name, outlines(thing, scene.size))
        for i, thing in enumerate(scene.truth)
        if not thing.crowd
    ]
    return [
        Picture(uri, scene.size, f"{scene.file.name} with {len(truth)} labelled objects", truth, "truth"),
        detections_picture(scene, uri, threshold, least, "detections"),
    ]


def detections_picture(scene: Scene, uri: str, threshold: float, least: float, name: str) -> Picture:
    """An image with its detections, wrong ones marked; see `scene_cards`."""
    shapes: list[Shape] = []
    for detection, matched, ignored in zip(scene.detections, scene.matched, scene.ignored, strict=True):
        score = detection.score or 0.0
        if score >= least and len(shapes) < MOST_SHOWN:
            kind = "detection" if matched is not None or ignored else "wrong"
            hidden = " off" if score < threshold else ""
            label = f"{detection.name} {score:.2f}"
            polygons = outlines(detection, scene.size)
            shapes.append(Shape(f"found-side {kind}{hidden}", detection.box, label, polygons, score))
    shown = sum((s.score or 0) >= threshold for s in shapes)
    return Picture(uri, scene.size, f"{scene.file.name} with {shown} detections", shapes, name)


def outlines(thing: Thing, size: tuple[int, int]) -> list[list[float]]:
    """The mask of an object as polygons in pixels.

    Args:
        thing: The object; without a mask there are no polygons.
        size: Width and height of its image.
    """
    segmentation = thing.segmentation
    if isinstance(segmentation, list):
        return [[float(v) for v in part] for part in segmentation if len(part) >= 6]
    if not isinstance(segmentation, dict):
        return []
    width, height = size
    code = (
        coco_mask.frPyObjects(segmentation, height, width) if isinstance(segmentation["counts"], list) else segmentation
    )
    contours, _ = cv2.findContours(coco_mask.decode(code), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    tolerance = max(width, height) / 400  # under a pixel of the page
    smooth = [cv2.approxPolyDP(contour, tolerance, True) for contour in contours]
    return [(contour.reshape(-1, 2) + 0.5).ravel().tolist() for contour in smooth if len(contour) >= 3]


def scene_controls(scenes: Sequence[Scene], threshold: float, least: float) -> list[Control]:
    """Filters for a gallery of `scene_cards` with the same arguments."""
    classes = sorted({thing.name for scene in scenes for thing in (*scene.truth, *scene.detections)})
    return [
        Control("sort", "Order", options=[("rank", "worst first"), ("-rank", "best first")]),
        Control("choice", "Class", "classes", [("", "all"), *((name, name) for name in classes)]),
        Control("search", "File name", "key"),
        Control("score", "Confidence from", span=(least, 0.99, 0.01, threshold)),
        Control("toggle", "truth", "truth-side"),
        Control("toggle", "detections", "found-side"),
    ]


def explain(scenes: Sequence[Scene], threshold: float) -> str:
    """How the pictures are to be read."""
    found = any(match is not None for scene in scenes for match in scene.matched)
    why = "the value with the best F1 over all images" if found else "because no detection is right at any confidence"
    return (
        f"Left the truth, right the detections of at least {threshold:.2f} confidence, {why}. "
        "A detection is right when it overlaps an object of its class by IoU 0.5. "
        "Score of an image: found / (found + missed + wrong)."
    )


def comparison_gallery(runs: Mapping[str, Run], images: int = 6) -> Section:
    """The truth beside the detections of several runs on the same images, chosen evenly over the validation set."""
    heading = "The same images, each start"
    try:
        scenes = {name: {scene.file: scene for scene in scenes_of(run)} for name, run in runs.items()}
    except (CodoError, OSError) as error:
        what = error.what if isinstance(error, CodoError) else str(error)
        return Section(heading, [Text([f"No pictures: {what}."])])
    thresholds = {name: best_threshold(list(found.values())) for name, found in scenes.items()}
    first = next(iter(scenes.values()))
    shared = [file for file in first if all(file in found for found in scenes.values())]
    cards = []
    for file in (shared[i] for i in spread(len(shared), images)):
        try:
            image = decode(file.read_bytes())
        except (OSError, Rejected):
            continue
        uri, plain = data_uri(image, 280), first[file]
        shapes = [
            Shape("truth", thing.box, thing.name, outlines(thing, plain.size))
            for thing in plain.truth
            if not thing.crowd
        ]
        pictures = [Picture(uri, plain.size, f"{file.name} with {len(shapes)} labelled objects", shapes, "truth")]
        pictures += [
            detections_picture(found[file], uri, thresholds[name], thresholds[name], name)
            for name, found in scenes.items()
        ]
        cards.append(Card(pictures, file.name))
    used = ", ".join(f"{name} from {value:.2f}" for name, value in thresholds.items())
    caption = (
        f"{len(cards)} of {number(len(shared))} images, evenly over the set. "
        f"Detections above the confidence with the best F1 of each: {used}."
    )
    return Section(heading, [Gallery(cards, caption, LEGEND, span=min(44, 11 * (len(runs) + 1)))])
