"""The page of detections: AP, the cost of each error type, curves, and the images, worst first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from codo.advice.detections import detections_answer
from codo.core.numbers import number, precision
from codo.evaluation.detections import Detections
from codo.evaluation.error_impact import ErrorImpact, measure_impact, share_of_detections, share_of_objects
from codo.evaluation.error_types import ERRORS, ErrorAssignment, ErrorType, assign_errors, best_threshold
from codo.evaluation.matching import RECALLS, Floats
from codo.reporting.common import FOOTER
from codo.reporting.detection_gallery import (
    LEGEND,
    WIDE,
    detection_cards,
    detection_controls,
    explain,
    least_confidence,
    worst_first,
)
from codo.reporting.error_plots import bars, precision_recall, shares
from codo.reporting.html.blocks import (
    Block,
    Details,
    Facts,
    Figure,
    Figures,
    Gallery,
    Numbers,
    Page,
    Section,
    Table,
    Text,
)

FOLD = 20
"""With more classes than this, their curves are folded."""

MOST_CLASSES = 60
"""Largest number of classes with a figure, those with the most objects; tables have all classes."""


def detections_page(title: str, detections: Detections, images: int) -> Page:
    """The page of detections with their ground truth.

    Args:
        title: Name of the run or file.
        detections: All images with their detections.
        images: Number of images to show, the worst ones.
    """
    assignments = [assign_errors(image_result) for image_result in detections.image_results]
    threshold = best_threshold(assignments)
    impact = measure_impact(detections, assignments)
    return Page(
        title,
        "CoDo detections",
        f"Matched by {'boxes' if detections.kind == 'bbox' else 'masks'}, as COCO does it.",
        [
            summary_section(detections, assignments, impact, threshold),
            errors_section(impact, assignments, threshold),
            curves_section(impact),
            images_section(detections, assignments, threshold, images),
        ],
        FOOTER,
        detections_answer(detections, impact),
    )


def summary_section(
    detections: Detections, assignments: Sequence[ErrorAssignment], impact: ErrorImpact, threshold: float
) -> Section:
    """Headline numbers, and the error type that costs most."""
    counts = np.array([assignment.counts(threshold) for assignment in assignments]).reshape(-1, 3).sum(axis=0).tolist()
    half, strict = impact.means()
    known = int((impact.objects > 0).sum())
    facts = [
        ("AP 50", precision(half), f"AP 75 {precision(strict)}"),
        ("Images", number(len(assignments)), f"{number(known)} of {number(len(impact.classes))} classes in them"),
        ("Confidence", f"{threshold:.2f}", "least confidence of the detections counted here"),
        ("Found", number(counts[0]), f"of {number(counts[0] + counts[1])} objects"),
        ("Wrong", number(counts[2]), "detections"),
    ]
    remarks = []
    if detections.dropped:
        remarks.append(
            f"{number(detections.dropped)} detections are left out of all numbers: COCO evaluates the 100 most "
            "confident of a class in an image."
        )
    return Section("Summary", [Facts(facts), *([Text(remarks)] if remarks else [])])


def errors_section(impact: ErrorImpact, assignments: Sequence[ErrorAssignment], threshold: float) -> Section:
    """The cost of each error type, overall and by class, and counts of objects and detections by error type."""
    costs: dict[ErrorType, float] = {error: 100 * impact.mean_gain(error) for error in ERRORS}
    spoken = ", ".join(f"{error} {value:.1f}" for error, value in costs.items())
    figures = [
        Figure(
            "Gain of AP 50 without each error type",
            bars(costs, x_label="points of AP 50"),
            "If all errors of one type were fixed and no others (TIDE). Gains do not add up, because fixed errors "
            "uncover others.",
            f"Points of AP 50 gained without each error type: {spoken}.",
            Numbers(["error", "points of AP 50"], [[str(error), value] for error, value in costs.items()]),
        )
    ]
    classes = _largest(impact)
    if classes:
        states = share_of_objects(assignments, threshold, len(impact.classes))
        kept = {error_type: counts[classes] for error_type, counts in states.items()}
        total = sum(int(counts.sum()) for counts in kept.values())
        words = ", ".join(f"{error_type} {int(counts.sum())}" for error_type, counts in kept.items())
        largest = classes[:FOLD]
        caption = f"At confidence {threshold:.2f}, by class; the tables below have the numbers."
        if len(largest) < len(classes):
            caption = f"The {FOLD} classes with the most objects. {caption}"
        figures.append(
            Figure(
                "Found and missed objects",
                shares(
                    [impact.classes[i] for i in largest],
                    {error_type: counts[:FOLD] for error_type, counts in kept.items()},
                    x_label="% of the objects of the class",
                ),
                caption,
                f"Of {total} objects: {words}.",
                Numbers(
                    ["class", *map(str, kept)],
                    [[impact.classes[i], *(int(n[row]) for n in kept.values())] for row, i in enumerate(largest)],
                ),
            )
        )
    costs_by_class = cost_table(impact)
    folded = Details(f"AP and cost of errors by class ({len(classes)})", [costs_by_class])
    blocks: list[Block] = [Figures(figures), costs_by_class if len(classes) <= FOLD else folded]
    blocks.append(Details(f"Counts by class ({len(classes)})", [count_table(impact, assignments, threshold)]))
    return Section("Errors", blocks)


def cost_table(impact: ErrorImpact) -> Table:
    """AP of every class, and what each error type costs it."""
    half, strict = impact.average_precisions()
    means = impact.means()
    rows = [["all", number(int(impact.objects.sum())), *(precision(v) for v in means)]]
    rows[0] += [f"{100 * impact.mean_gain(error):.1f}" for error in ERRORS]
    for i in sorted(np.flatnonzero(impact.objects).tolist(), key=lambda i: float(half[i])):
        gains = [f"{100 * impact.gains[error][i]:.1f}" for error in ERRORS]
        rows.append(
            [impact.classes[i], number(int(impact.objects[i])), precision(half[i]), precision(strict[i]), *gains]
        )
    caption = (
        "AP times 100, lowest first. For each error type: the points of AP 50 that the class would gain if all errors "
        "of that type were fixed."
    )
    return Table(["Class", "Objects", "AP 50", "AP 75", *(error.capitalize() for error in ERRORS)], rows, caption)


def count_table(impact: ErrorImpact, assignments: Sequence[ErrorAssignment], threshold: float) -> Table:
    """Objects and detections of every class by error type."""
    objects = share_of_objects(assignments, threshold, len(impact.classes))
    found = share_of_detections(assignments, threshold, len(impact.classes))
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
            impact.objects,
            objects[ErrorType.CORRECT],
            objects[ErrorType.MISSED],
            sum(found.values()),
            *(found[error] for error in wrong),
            found[ErrorType.IGNORED],
        ],
        axis=1,
    )
    used = np.flatnonzero(table.any(axis=1)).tolist()
    rows = [[impact.classes[i], *(number(int(v)) for v in table[i])] for i in used]
    rows.insert(0, ["all", *(number(int(v)) for v in table.sum(axis=0))])
    caption = (
        f"At confidence {threshold:.2f}. Objects that are neither found nor missed have a localization or "
        "classification error."
    )
    return Table(columns, rows, caption)


def curves_section(impact: ErrorImpact) -> Section:
    """Precision-recall curves: overall, and of every class."""
    if not impact.objects.any():
        return Section("Precision and recall", [])
    half, strict = impact.means()
    curves = (impact.mean_precision(strict=False), impact.mean_precision(strict=True))
    blocks: list[Block] = [
        Text(
            [
                "Precision over recall, interpolated as in COCO: the best precision at that recall or more. The area "
                "under a curve is AP."
            ]
        )
    ]
    overall = Figure(
        "All classes",
        precision_recall(curves[0], curves[1], name="all"),
        f"Mean over classes. AP 50 {precision(half)}, AP 75 {precision(strict)}.",
        f"Precision over recall, mean over classes: AP 50 {precision(half)}, AP 75 {precision(strict)}.",
        _precision_numbers(*curves),
    )
    classes = _largest(impact)[:MOST_CLASSES]
    if len(impact.classes) == 1:
        return Section("Precision and recall", [*blocks, Figures([overall])])
    figures = [_class_curve(impact, i) for i in classes]
    if len(figures) <= FOLD:
        return Section("Precision and recall", [*blocks, Figures([overall, *figures])])
    known = int((impact.objects > 0).sum())
    summary = (
        f"By class ({known})"
        if known == len(figures)
        else f"By class ({len(figures)} with the most objects of {known})"
    )
    return Section("Precision and recall", [*blocks, Figures([overall]), Details(summary, [Figures(figures)])])


def _class_curve(impact: ErrorImpact, i: int) -> Figure:
    half, strict = (ranked[i].average_precision() for ranked in impact.rankings)
    name, objects = impact.classes[i], number(int(impact.objects[i]))
    numbers = f"AP 50 {precision(half)}, AP 75 {precision(strict)}"
    ordinary, hard = (ranked[i].precision() for ranked in impact.rankings)
    svg = precision_recall(ordinary, hard, name=str(i))
    alt = f"Precision over recall of {name}: {numbers}."
    return Figure(name, svg, f"{numbers}; {objects} objects.", alt, _precision_numbers(ordinary, hard))


def _precision_numbers(half: Floats, strict: Floats) -> Numbers:
    rows = [list(row) for row in zip(RECALLS.tolist(), half.tolist(), strict.tolist(), strict=True)]
    return Numbers(["recall", "precision at IoU 0.5", "precision at IoU 0.75"], rows)


def images_section(
    detections: Detections, assignments: Sequence[ErrorAssignment], threshold: float, images: int
) -> Section:
    """The worst images, with filters."""
    ranked = worst_first(assignments, threshold)[:images]
    least = least_confidence(ranked, threshold)
    cards = detection_cards(ranked, detections.classes, threshold, least)
    which = "All" if len(ranked) == len(assignments) else f"The {number(len(ranked))} worst of"
    caption = f"{which} {number(len(assignments))} images, worst first. {explain(assignments, threshold)}"
    if len(cards) < len(ranked):
        caption += f" {len(ranked) - len(cards)} of them cannot be read and are left out."
    controls = detection_controls(ranked, detections.classes, threshold, least)
    return Section("Images", [Gallery(cards, caption, LEGEND, controls, span=WIDE)] if assignments else [])


def _largest(impact: ErrorImpact) -> list[int]:
    """The classes with objects, those with the most first."""
    return sorted(np.flatnonzero(impact.objects).tolist(), key=lambda i: -int(impact.objects[i]))
