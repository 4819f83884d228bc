"""The page of detections: how good they are, what their errors cost, and the images, worst first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from codo.core.numbers import number, precision
from codo.evaluation.detections import Detections
from codo.evaluation.error_impact import ErrorImpact, measure_impact, share_of_detections, share_of_objects
from codo.evaluation.error_types import ERRORS, ErrorAssignment, ErrorType, assign_errors, best_threshold
from codo.reporting.common import FOOTER
from codo.reporting.detection_gallery import (
    LEGEND,
    WIDE,
    explain,
    least_confidence,
    scene_cards,
    scene_controls,
    worst_first,
)
from codo.reporting.error_plots import bars, precision_recall, shares
from codo.reporting.html.blocks import Block, Details, Facts, Figure, Figures, Gallery, Page, Section, Table, Text

FOLD = 20
"""Classes whose curves are shown at once; more are folded away."""

MOST_CLASSES = 60
"""Classes that get figures of their own, those with the most objects; tables have all."""


def detections_page(title: str, detections: Detections, images: int) -> Page:
    """Detections beside the truth.

    Args:
        title: Name of the run or file.
        detections: All images with their detections.
        images: How many images, the worst ones, to put into the page.
    """
    judged = [assign_errors(scene) for scene in detections.scenes]
    threshold = best_threshold(judged)
    broken = measure_impact(detections, judged)
    return Page(
        title,
        "CoDo detections",
        f"Matched by {'boxes' if detections.kind == 'bbox' else 'masks'}, as COCO does it.",
        [
            summary_section(detections, judged, broken, threshold),
            errors_section(broken, judged, threshold),
            curves_section(broken),
            images_section(detections, judged, threshold, images),
        ],
        FOOTER,
    )


def summary_section(
    detections: Detections, judged: Sequence[ErrorAssignment], broken: ErrorImpact, threshold: float
) -> Section:
    """Headline numbers, and the error that costs most."""
    counts = np.array([one.counts(threshold) for one in judged]).reshape(-1, 3).sum(axis=0).tolist()
    half, strict = broken.means()
    known = int((broken.objects > 0).sum())
    facts = [
        ("AP 50", precision(half), f"AP 75 {precision(strict)}"),
        ("Images", number(len(judged)), f"{number(known)} of {number(len(broken.classes))} classes in them"),
        ("Confidence", f"{threshold:.2f}", "from which detections count here"),
        ("Found", number(counts[0]), f"of {number(counts[0] + counts[1])} objects"),
        ("Wrong", number(counts[2]), "detections"),
    ]
    said = []
    costs = {error: broken.mean_gain(error) for error in ERRORS}
    worst = max(costs, key=costs.__getitem__)
    if costs[worst] > 0:
        said.append(f"Most is lost by {_ABOUT[worst]}: without them AP 50 would be {precision(half + costs[worst])}.")
    if detections.dropped:
        said.append(
            f"{number(detections.dropped)} detections are left out everywhere: COCO looks at the 100 most confident "
            "of a class in an image."
        )
    return Section("Summary", [Facts(facts), *([Text(said)] if said else [])])


_ABOUT = {
    ErrorType.LOCALIZATION: "boxes that are too far off",
    ErrorType.CLASSIFICATION: "objects that are taken for another class",
    ErrorType.BOTH: "boxes too far off and of the wrong class",
    ErrorType.DUPLICATE: "objects that are found twice",
    ErrorType.BACKGROUND: "detections where there is nothing",
    ErrorType.MISSED: "objects that are missed",
}


def errors_section(broken: ErrorImpact, judged: Sequence[ErrorAssignment], threshold: float) -> Section:
    """What each kind of error costs, overall and by class, and what came of objects and detections."""
    costs: dict[ErrorType, float] = {error: 100 * broken.mean_gain(error) for error in ERRORS}
    spoken = ", ".join(f"{error} {value:.1f}" for error, value in costs.items())
    figures = [
        Figure(
            "What AP 50 would gain",
            bars(costs, x_label="points of AP 50"),
            "If all errors of one kind were mended and no others (TIDE). Gains do not add up: mended errors uncover "
            "others.",
            f"Points of AP 50 gained without each kind of error: {spoken}.",
        )
    ]
    classes = _largest(broken)
    if classes:
        states = share_of_objects(judged, threshold, len(broken.classes))
        kept = {outcome: counts[classes] for outcome, counts in states.items()}
        total = sum(int(counts.sum()) for counts in kept.values())
        words = ", ".join(f"{outcome} {int(counts.sum())}" for outcome, counts in kept.items())
        shown = classes[:FOLD]
        caption = f"At confidence {threshold:.2f}, by class; the tables below have the numbers."
        if len(shown) < len(classes):
            caption = f"The {FOLD} classes with the most objects. {caption}"
        figures.append(
            Figure(
                "What came of the objects",
                shares(
                    [broken.classes[i] for i in shown],
                    {outcome: counts[:FOLD] for outcome, counts in kept.items()},
                    x_label="% of the objects of the class",
                ),
                caption,
                f"Of {total} objects: {words}.",
            )
        )
    costs_by_class = cost_table(broken)
    folded = Details(f"AP and what errors cost, by class ({len(classes)})", [costs_by_class])
    blocks: list[Block] = [Figures(figures), costs_by_class if len(classes) <= FOLD else folded]
    blocks.append(Details(f"Counts by class ({len(classes)})", [count_table(broken, judged, threshold)]))
    return Section("Errors", blocks)


def cost_table(broken: ErrorImpact) -> Table:
    """AP of every class, and what each kind of error costs it."""
    half, strict = broken.average_precisions()
    means = broken.means()
    rows = [["all", number(int(broken.objects.sum())), *(precision(v) for v in means)]]
    rows[0] += [f"{100 * broken.mean_gain(error):.1f}" for error in ERRORS]
    for i in sorted(np.flatnonzero(broken.objects).tolist(), key=lambda i: float(half[i])):
        gains = [f"{100 * broken.gains[error][i]:.1f}" for error in ERRORS]
        rows.append(
            [broken.classes[i], number(int(broken.objects[i])), precision(half[i]), precision(strict[i]), *gains]
        )
    caption = (
        "AP times 100, lowest first; under each kind of error the points of AP 50 that the class would gain if all "
        "errors of that kind were mended."
    )
    return Table(["Class", "Objects", "AP 50", "AP 75", *(error.capitalize() for error in ERRORS)], rows, caption)


def count_table(broken: ErrorImpact, judged: Sequence[ErrorAssignment], threshold: float) -> Table:
    """Objects and detections of every class by what came of them."""
    objects = share_of_objects(judged, threshold, len(broken.classes))
    found = share_of_detections(judged, threshold, len(broken.classes))
    wrong = [error for error in ERRORS if error is not ErrorType.MISSED]
    columns = [
        "Class",
        "Objects",
        "Found",
        "Missed",
        "Detections",
        *(error.capitalize() for error in wrong),
        "In crowds",
    ]
    table = np.stack(
        [
            broken.objects,
            objects[ErrorType.CORRECT],
            objects[ErrorType.MISSED],
            sum(found.values()),
            *(found[error] for error in wrong),
            found[ErrorType.IGNORED],
        ],
        axis=1,
    )
    used = np.flatnonzero(table.any(axis=1)).tolist()
    rows = [[broken.classes[i], *(number(int(v)) for v in table[i])] for i in used]
    rows.insert(0, ["all", *(number(int(v)) for v in table.sum(axis=0))])
    caption = (
        f"At confidence {threshold:.2f}. Objects that are neither found nor missed have a localization or "
        "classification error on them."
    )
    return Table(columns, rows, caption)


def curves_section(broken: ErrorImpact) -> Section:
    """Precision over recall: overall, and of every class."""
    if not broken.objects.any():
        return Section("Precision and recall", [])
    half, strict = broken.means()
    curves = (broken.mean_precision(strict=False), broken.mean_precision(strict=True))
    blocks: list[Block] = [
        Text(
            [
                "The precision that a confidence reaches, over the share of objects it finds: the best at that recall "
                "or more, as COCO reads it. The area under a curve is AP."
            ]
        )
    ]
    overall = Figure(
        "All classes",
        precision_recall(curves[0], curves[1], name="all"),
        f"Mean over classes. AP 50 {precision(half)}, AP 75 {precision(strict)}.",
        f"Precision over recall, mean over classes: AP 50 {precision(half)}, AP 75 {precision(strict)}.",
    )
    classes = _largest(broken)[:MOST_CLASSES]
    if len(broken.classes) == 1:
        return Section("Precision and recall", [*blocks, Figures([overall])])
    figures = [_class_curve(broken, i) for i in classes]
    if len(figures) <= FOLD:
        return Section("Precision and recall", [*blocks, Figures([overall, *figures])])
    known = int((broken.objects > 0).sum())
    summary = (
        f"By class ({known})"
        if known == len(figures)
        else f"By class ({len(figures)} with the most objects of {known})"
    )
    return Section("Precision and recall", [*blocks, Figures([overall]), Details(summary, [Figures(figures)])])


def _class_curve(broken: ErrorImpact, i: int) -> Figure:
    half, strict = (ranked[i].average_precision() for ranked in broken.rankings)
    name, objects = broken.classes[i], number(int(broken.objects[i]))
    numbers = f"AP 50 {precision(half)}, AP 75 {precision(strict)}"
    ordinary, hard = (ranked[i].precision() for ranked in broken.rankings)
    svg = precision_recall(ordinary, hard, name=str(i))
    return Figure(name, svg, f"{numbers}; {objects} objects.", f"Precision over recall of {name}: {numbers}.")


def images_section(detections: Detections, judged: Sequence[ErrorAssignment], threshold: float, images: int) -> Section:
    """The worst images, with filters."""
    ranked = worst_first(judged, threshold)[:images]
    least = least_confidence(ranked, threshold)
    cards = scene_cards(ranked, detections.classes, threshold, least)
    which = "All" if len(ranked) == len(judged) else f"The {number(len(ranked))} worst of"
    caption = f"{which} {number(len(judged))} images, worst first. {explain(judged, threshold)}"
    if len(cards) < len(ranked):
        caption += f" {len(ranked) - len(cards)} of them cannot be read and are left out."
    controls = scene_controls(ranked, detections.classes, threshold, least)
    return Section("Images", [Gallery(cards, caption, LEGEND, controls, span=WIDE)] if judged else [])


def _largest(broken: ErrorImpact) -> list[int]:
    """The classes with objects, those with the most first."""
    return sorted(np.flatnonzero(broken.objects).tolist(), key=lambda i: -int(broken.objects[i]))
