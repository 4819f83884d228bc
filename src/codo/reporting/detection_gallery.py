"""Images with detections next to the ground truth: cards of a gallery, and its filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from codo.catalog.decode import InvalidImage, decode
from codo.core.errors import CodoError
from codo.core.numbers import number, percent
from codo.core.run import Run
from codo.evaluation.detections import DetectedObject
from codo.evaluation.error_types import ErrorAssignment, ErrorType, assign_errors, best_threshold
from codo.evaluation.load_detections import detections_of_run
from codo.geometry.segmentations import decode as draw_rle
from codo.reporting.html.blocks import Card, Control, Gallery, Picture, Section, Shape, Text
from codo.reporting.html.pictures import data_uri, spread

SHAPES = 40
"""Largest average number of detections per image in the page; it limits the lower end of the confidence slider."""

LEGEND = [
    (ErrorType.CORRECT, "correct"),
    (ErrorType.LOCALIZATION, "localization (loc): right class, inaccurate box"),
    (ErrorType.CLASSIFICATION, "classification (cls): right box, wrong class"),
    (ErrorType.BOTH, "both: inaccurate box and wrong class"),
    (ErrorType.DUPLICATE, "duplicate (dup): object already found"),
    (ErrorType.BACKGROUND, "background (bkg): no object there"),
    (ErrorType.MISSED, "missed"),
    (ErrorType.IGNORED, "crowd region: ignored"),
]

WIDE = 30
"""Least width of a card in rem: two fit side by side on a desktop."""

SHORT = {
    ErrorType.LOCALIZATION: "loc",
    ErrorType.CLASSIFICATION: "cls",
    ErrorType.BOTH: "both",
    ErrorType.DUPLICATE: "dup",
    ErrorType.BACKGROUND: "bkg",
}
"""Label of a wrong detection, for readers who cannot rely on its color."""


def worst_first(assignments: Sequence[ErrorAssignment], threshold: float) -> list[ErrorAssignment]:
    """Sort by score, then by number of mistakes, then by name; ``filters.js`` sorts in the same way."""

    def key(assignment: ErrorAssignment) -> tuple[float, int, str]:
        _, lost, wrong = assignment.counts(threshold)
        return assignment.score(threshold), -lost - wrong, assignment.image_result.name

    return sorted(assignments, key=key)


def least_confidence(assignments: Sequence[ErrorAssignment], threshold: float) -> float:
    """Least confidence of detections in the page, in steps of 0.01 up to ``threshold``; see `SHAPES`."""
    scores = np.sort([obj.score for assignment in assignments for obj in assignment.image_result.found])
    steps = np.arange(101) / 100
    kept = len(scores) - np.searchsorted(scores, steps)
    return min(threshold, float(steps[int(np.argmax(kept <= SHAPES * len(assignments)))]))


def detection_cards(
    assignments: Sequence[ErrorAssignment], classes: Sequence[str], threshold: float, least: float, longest: int = 400
) -> list[Card]:
    """Ground truth and detections of each image side by side; images that cannot be read are left out.

    Args:
        assignments: The images, in the order of the cards.
        classes: Names of the classes.
        threshold: Least confidence of the detections that count.
        least: Least confidence of the detections in the page; those below ``threshold`` are hidden at first.
        longest: Longest side of a picture in pixels.
    """
    cards = []
    for place, assignment in enumerate(assignments):
        try:
            shown = assignment.image_result
            image = decode(shown.file.read_bytes(), rules=shown.pixel_rules)
        except (OSError, InvalidImage):
            continue
        anchor = f"photo-{place}"  # both pictures share the pixels, which are in the page once
        truth = truth_shapes(assignment, classes, threshold)
        counted = sum(not obj.crowd for obj in assignment.image_result.truth)
        title = f"{assignment.image_result.name} with {counted} labeled objects"
        pictures = [
            Picture(
                data_uri(image, longest, 28_000),
                assignment.image_result.size,
                title,
                truth,
                "ground truth",
                anchor=anchor,
            ),
            detections_picture(assignment, f"#{anchor}", classes, threshold, least, "detections"),
        ]
        cards.append(
            Card(
                pictures,
                assignment.image_result.name,
                note(assignment, threshold),
                {"key": assignment.image_result.name, "rank": place},
            )
        )
    return cards


def note(assignment: ErrorAssignment, threshold: float) -> str:
    """Score and counts of an image in a line; ``filters.js`` writes the same when the confidence is changed."""
    found, lost, wrong = assignment.counts(threshold)
    return f"score {percent(assignment.score(threshold))} · {found} found, {lost} not found, {wrong} wrong"


def truth_shapes(assignment: ErrorAssignment, classes: Sequence[str], threshold: float) -> list[Shape]:
    """The objects of an image, colored by error type."""
    shapes = []
    for g, obj in enumerate(assignment.image_result.truth):
        name = classes[obj.label]
        values = {"label": name}
        if not obj.crowd:
            values["states"] = ",".join(f"{score:.6f} {error_type}" for score, error_type in assignment.states(g))
        label = f"{name} (crowd)" if obj.crowd else name
        kind = f"truth-side {assignment.state(g, threshold)}"
        shapes.append(Shape(kind, obj.box, label, polygons(obj, assignment.image_result.size), None, values))
    return shapes


def detections_picture(
    assignment: ErrorAssignment, uri: str, classes: Sequence[str], threshold: float, least: float, title: str
) -> Picture:
    """An image with its detections, colored by error type; see `detection_cards`."""
    shapes = []
    for obj, error_type in zip(assignment.image_result.found, assignment.error_types, strict=True):
        if obj.score >= least:
            name = classes[obj.label]
            label = f"{name} {obj.score:.2f} {SHORT.get(error_type, '')}".rstrip()
            kind = f"found-side {error_type}{' off' if obj.score < threshold else ''}"
            shapes.append(
                Shape(kind, obj.box, label, polygons(obj, assignment.image_result.size), obj.score, {"label": name})
            )
    visible = sum((shape.score or 0) >= threshold for shape in shapes)
    return Picture(
        uri,
        assignment.image_result.size,
        f"{assignment.image_result.name} with {visible} detections",
        shapes[::-1],
        title,
    )


def polygons(obj: DetectedObject, size: tuple[int, int]) -> list[list[float]]:
    """The mask of an object as polygons in pixels.

    Args:
        obj: The object; without a mask there are no polygons.
        size: Width and height of its image.
    """
    if isinstance(obj.segmentation, list):
        return [[float(v) for v in part] for part in obj.segmentation if len(part) >= 6]
    if not obj.segmentation:
        return []
    contours, _ = cv2.findContours(draw_rle(obj.segmentation), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    tolerance = max(size) / 400  # less than a pixel of the page
    smooth = [cv2.approxPolyDP(contour, tolerance, True) for contour in contours]
    return [(contour.reshape(-1, 2) + 0.5).ravel().tolist() for contour in smooth if len(contour) >= 3]


def detection_controls(
    assignments: Sequence[ErrorAssignment], classes: Sequence[str], threshold: float, least: float
) -> list[Control]:
    """Filters for a gallery of `detection_cards` with the same arguments."""
    labels = sorted(
        {
            obj.label
            for assignment in assignments
            for obj in (*assignment.image_result.truth, *assignment.image_result.found)
        }
    )
    names = sorted({classes[label] for label in labels})
    error_types = [(kind.value, text.split(":")[0]) for kind, text in LEGEND if kind is not ErrorType.IGNORED]
    return [
        Control("sort", "Order", options=[("rank", "worst first"), ("-rank", "best first"), ("key", "file name")]),
        Control("shape", "Class", "label", [("", "all"), *((name, name) for name in names)]),
        Control("shape", "Outcome", "kind", [("", "all"), *error_types]),
        Control("score", "Confidence from", span=(least, 0.99, 0.01, threshold)),
        Control("search", "File name", "key"),
        Control("size", "Size", span=(16, 68, 1, WIDE)),
    ]


def explain(assignments: Sequence[ErrorAssignment], threshold: float) -> str:
    """How to read the pictures."""
    found = any(error_type is ErrorType.CORRECT for assignment in assignments for error_type in assignment.error_types)
    why = "the value with the best F1 over all images" if found else "because no detection is correct"
    return (
        f"Left: ground truth. Right: detections with a confidence of at least {threshold:.2f}, {why}. Colors show "
        "whether an object was found or which error it has. Score of an image: found / (found + not found + wrong); of "
        "equal scores those with more mistakes come first."
    )


def comparison_gallery(runs: Mapping[str, Run], images: int = 6) -> Section:
    """Ground truth and detections of several runs on the same images, chosen evenly over the validation set."""
    heading = "Detections from each initialization"
    try:
        joined = {name: detections_of_run(run) for name, run in runs.items()}
    except (CodoError, OSError) as error:
        what = error.what if isinstance(error, CodoError) else str(error)
        return Section(heading, [Text([f"No pictures: {what}."])])
    by_file = {name: {s.file: assign_errors(s) for s in one.image_results} for name, one in joined.items()}
    thresholds = {name: best_threshold(list(found.values())) for name, found in by_file.items()}
    first = next(iter(by_file.values()))
    classes = next(iter(joined.values())).classes
    shared = [file for file in first if all(file in found for found in by_file.values())]
    cards = []
    for place, file in enumerate(shared[i] for i in spread(len(shared), images)):
        try:
            image = decode(file.read_bytes(), rules=first[file].image_result.pixel_rules)
        except (OSError, InvalidImage):
            continue
        anchor, image_result = f"same-{place}", first[file].image_result
        shapes = [
            Shape("correct", obj.box, classes[obj.label], polygons(obj, image_result.size))
            for obj in image_result.truth
            if not obj.crowd
        ]
        title = f"{image_result.name} with {len(shapes)} labeled objects"
        pictures = [Picture(data_uri(image, 280), image_result.size, title, shapes, "ground truth", anchor=anchor)]
        pictures += [
            detections_picture(found[file], f"#{anchor}", classes, thresholds[name], thresholds[name], name)
            for name, found in by_file.items()
        ]
        cards.append(Card(pictures, image_result.name))
    used = ", ".join(f"{name} {value:.2f}" for name, value in thresholds.items())
    caption = (
        f"{len(cards)} of {number(len(shared))} images, spread evenly over the set. "
        f"For each initialization, detections from the confidence with the best F1: {used}."
    )
    return Section(heading, [Gallery(cards, caption, LEGEND, span=min(44, 11 * (len(runs) + 1)))])
