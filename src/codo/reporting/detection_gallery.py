"""Pictures of detections beside the truth: cards for a gallery, and its filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from codo.annotations.segmentations import decode as draw_rle
from codo.catalog.decode import InvalidImage, decode
from codo.core.errors import CodoError
from codo.core.numbers import number, percent
from codo.core.run import Run
from codo.evaluation.detections import DetectedObject
from codo.evaluation.error_types import ErrorAssignment, ErrorType, assign_errors, best_threshold
from codo.evaluation.load_detections import detections_of_run
from codo.reporting.html.blocks import Card, Control, Gallery, Picture, Section, Shape, Text
from codo.reporting.html.pictures import data_uri, spread

SHAPES = 40
"""Detections in the page, an image on average, at most; the slider of confidence begins where these end."""

LEGEND = [
    (ErrorType.CORRECT, "correct"),
    (ErrorType.LOCALIZATION, "localization (loc): right class, box too far off"),
    (ErrorType.CLASSIFICATION, "classification (cls): right box, wrong class"),
    (ErrorType.BOTH, "both: near an object of another class"),
    (ErrorType.DUPLICATE, "duplicate (dup): found already"),
    (ErrorType.BACKGROUND, "background (bkg): nothing there"),
    (ErrorType.MISSED, "missed"),
    (ErrorType.IGNORED, "crowd region: not judged"),
]

WIDE = 30
"""Least width of a card in rem: two of them side by side on a desktop."""

SHORT = {
    ErrorType.LOCALIZATION: "loc",
    ErrorType.CLASSIFICATION: "cls",
    ErrorType.BOTH: "both",
    ErrorType.DUPLICATE: "dup",
    ErrorType.BACKGROUND: "bkg",
}
"""Written on a wrong detection: a second cue beside its color."""


def worst_first(judged: Sequence[ErrorAssignment], threshold: float) -> list[ErrorAssignment]:
    """By score; of equal ones those with more mistakes first, then by name. ``filters.js`` sorts by the same rule."""

    def key(one: ErrorAssignment) -> tuple[float, int, str]:
        _, lost, wrong = one.counts(threshold)
        return one.score(threshold), -lost - wrong, one.scene.name

    return sorted(judged, key=key)


def least_confidence(judged: Sequence[ErrorAssignment], threshold: float) -> float:
    """The confidence, in steps of 0.01 up to ``threshold``, from which detections still fit into the page."""
    scores = np.sort([thing.score for one in judged for thing in one.scene.found])
    steps = np.arange(101) / 100
    kept = len(scores) - np.searchsorted(scores, steps)
    return min(threshold, float(steps[int(np.argmax(kept <= SHAPES * len(judged)))]))


def scene_cards(
    judged: Sequence[ErrorAssignment], classes: Sequence[str], threshold: float, least: float, longest: int = 400
) -> list[Card]:
    """Truth and detections of each image side by side; images that cannot be read are left out.

    Args:
        judged: In the order of the cards.
        classes: Names of the classes.
        threshold: Confidence from which detections count.
        least: Confidence from which they are in the page at all, hidden below ``threshold``, for its slider.
        longest: Longest side of a picture in pixels.
    """
    cards = []
    for place, one in enumerate(judged):
        try:
            image = decode(one.scene.file.read_bytes())
        except (OSError, InvalidImage):
            continue
        anchor = f"photo-{place}"  # the pixels are in the page once, and shown twice
        truth = truth_shapes(one, classes, threshold)
        counted = sum(not thing.crowd for thing in one.scene.truth)
        title = f"{one.scene.name} with {counted} labeled objects"
        pictures = [
            Picture(data_uri(image, longest, 28_000), one.scene.size, title, truth, "truth", anchor=anchor),
            detections_picture(one, f"#{anchor}", classes, threshold, least, "detections"),
        ]
        cards.append(Card(pictures, one.scene.name, note(one, threshold), {"key": one.scene.name, "rank": place}))
    return cards


def note(one: ErrorAssignment, threshold: float) -> str:
    """How an image went, in a line; ``filters.js`` writes the same when the confidence is changed."""
    found, lost, wrong = one.counts(threshold)
    return f"score {percent(one.score(threshold))} · {found} found, {lost} not found, {wrong} wrong"


def truth_shapes(one: ErrorAssignment, classes: Sequence[str], threshold: float) -> list[Shape]:
    """The objects of an image, in the color of what came of them."""
    shapes = []
    for g, thing in enumerate(one.scene.truth):
        name = classes[thing.label]
        values = {"label": name}
        if not thing.crowd:
            values["states"] = ",".join(f"{score:.6f} {outcome}" for score, outcome in one.states(g))
        label = f"{name} (crowd)" if thing.crowd else name
        kind = f"truth-side {one.state(g, threshold)}"
        shapes.append(Shape(kind, thing.box, label, polygons(thing, one.scene.size), None, values))
    return shapes


def detections_picture(
    one: ErrorAssignment, uri: str, classes: Sequence[str], threshold: float, least: float, title: str
) -> Picture:
    """An image with its detections in the colors of their outcomes; see `scene_cards`."""
    shapes = []
    for thing, outcome in zip(one.scene.found, one.outcomes, strict=True):
        if thing.score >= least:
            name = classes[thing.label]
            label = f"{name} {thing.score:.2f} {SHORT.get(outcome, '')}".rstrip()
            kind = f"found-side {outcome}{' off' if thing.score < threshold else ''}"
            shapes.append(Shape(kind, thing.box, label, polygons(thing, one.scene.size), thing.score, {"label": name}))
    shown = sum((shape.score or 0) >= threshold for shape in shapes)
    return Picture(uri, one.scene.size, f"{one.scene.name} with {shown} detections", shapes[::-1], title)


def polygons(thing: DetectedObject, size: tuple[int, int]) -> list[list[float]]:
    """The mask of an object as polygons in pixels.

    Args:
        thing: The object; without a mask there are no polygons.
        size: Width and height of its image.
    """
    if isinstance(thing.segmentation, list):
        return [[float(v) for v in part] for part in thing.segmentation if len(part) >= 6]
    if not thing.segmentation:
        return []
    contours, _ = cv2.findContours(draw_rle(thing.segmentation), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    tolerance = max(size) / 400  # under a pixel of the page
    smooth = [cv2.approxPolyDP(contour, tolerance, True) for contour in contours]
    return [(contour.reshape(-1, 2) + 0.5).ravel().tolist() for contour in smooth if len(contour) >= 3]


def scene_controls(
    judged: Sequence[ErrorAssignment], classes: Sequence[str], threshold: float, least: float
) -> list[Control]:
    """Filters for a gallery of `scene_cards` with the same arguments."""
    labels = sorted({thing.label for one in judged for thing in (*one.scene.truth, *one.scene.found)})
    names = sorted({classes[label] for label in labels})
    outcomes = [(kind.value, text.split(":")[0]) for kind, text in LEGEND if kind is not ErrorType.IGNORED]
    return [
        Control("sort", "Order", options=[("rank", "worst first"), ("-rank", "best first"), ("key", "file name")]),
        Control("shape", "Class", "label", [("", "all"), *((name, name) for name in names)]),
        Control("shape", "Outcome", "kind", [("", "all"), *outcomes]),
        Control("score", "Confidence from", span=(least, 0.99, 0.01, threshold)),
        Control("search", "File name", "key"),
        Control("size", "Size", span=(16, 68, 1, WIDE)),
    ]


def explain(judged: Sequence[ErrorAssignment], threshold: float) -> str:
    """How the pictures are to be read."""
    found = any(outcome is ErrorType.CORRECT for one in judged for outcome in one.outcomes)
    why = "the value with the best F1 over all images" if found else "because no detection is right at any confidence"
    return (
        f"Left the truth, right the detections of at least {threshold:.2f} confidence, {why}; an object has the color "
        "of what came of it. Score of an image: found / (found + not found + wrong); of equal ones those with more "
        "mistakes come first."
    )


def comparison_gallery(runs: Mapping[str, Run], images: int = 6) -> Section:
    """The truth beside the detections of several runs on the same images, chosen evenly over the validation set."""
    heading = "The same images, each start"
    try:
        joined = {name: detections_of_run(run) for name, run in runs.items()}
    except (CodoError, OSError) as error:
        what = error.what if isinstance(error, CodoError) else str(error)
        return Section(heading, [Text([f"No pictures: {what}."])])
    judged = {name: {s.file: assign_errors(s) for s in one.scenes} for name, one in joined.items()}
    thresholds = {name: best_threshold(list(found.values())) for name, found in judged.items()}
    first = next(iter(judged.values()))
    classes = next(iter(joined.values())).classes
    shared = [file for file in first if all(file in found for found in judged.values())]
    cards = []
    for place, file in enumerate(shared[i] for i in spread(len(shared), images)):
        try:
            image = decode(file.read_bytes())
        except (OSError, InvalidImage):
            continue
        anchor, plain = f"same-{place}", first[file].scene
        shapes = [
            Shape("correct", thing.box, classes[thing.label], polygons(thing, plain.size))
            for thing in plain.truth
            if not thing.crowd
        ]
        title = f"{plain.name} with {len(shapes)} labeled objects"
        pictures = [Picture(data_uri(image, 280), plain.size, title, shapes, "truth", anchor=anchor)]
        pictures += [
            detections_picture(found[file], f"#{anchor}", classes, thresholds[name], thresholds[name], name)
            for name, found in judged.items()
        ]
        cards.append(Card(pictures, plain.name))
    used = ", ".join(f"{name} from {value:.2f}" for name, value in thresholds.items())
    caption = (
        f"{len(cards)} of {number(len(shared))} images, evenly over the set. "
        f"Detections above the confidence with the best F1 of each: {used}."
    )
    return Section(heading, [Gallery(cards, caption, LEGEND, span=min(44, 11 * (len(runs) + 1)))])
