"""What a method without levels answers: the curves of its loss and of right answers, and its examples as pictures."""

from __future__ import annotations

from codo.core.run import Run
from codo.evaluation.run_metrics import Metrics
from codo.loading.examples import Examples
from codo.reporting.common import figure, figures
from codo.reporting.html.blocks import Block, Card, Gallery, Picture, Section
from codo.reporting.html.pictures import data_uri


def answers_section(run: Run, metrics: Metrics) -> Section:
    """Loss, right answers, errors and examples, as far as they were logged or written."""
    if metrics.names("loss"):
        return Section("Answers", [])  # a method with levels, whose curves are elsewhere
    found = [
        figure(metrics, "Loss", {"loss": "loss"}, "What the optimizer minimizes."),
        figure(
            metrics,
            "Right answers (%)",
            {"all": "top1", "weighted": "top1_weighted", "weighted, always gray": "top1_weighted_gray"},
            "Share of the batch's questions with the right answer first. Where answers have weights, also the weighted "
            "share, and what always answering gray would get.",
            limits=(0, None),
            scale=100,
        ),
        figure(
            metrics,
            "Error of hidden pixels (squared, normalized)",
            {"network": "error", "one color": "error_flat"},
            "Mean squared error, in units of the images' deviation, and that of filling in the mean color of what is "
            "visible.",
            limits=(0, None),
        ),
        figure(metrics, "Loss of the discriminator", {"loss": "adversarial"}, "2 ln 2 = 1.39 if it can only guess."),
    ]
    examples = Examples.read(run.path)
    return Section("Answers", [*figures(found), *([examples_gallery(examples)] if examples else [])])


def examples_gallery(examples: Examples) -> Block:
    """Each example as a card, with its pictures in a row."""
    cards = []
    for number, row in enumerate(examples.images, 1):
        size = (row.shape[2], row.shape[1])
        pictures = [
            Picture(data_uri(image), size, f"Example {number}: {name}", title=name)
            for image, name in zip(row, examples.columns, strict=True)
        ]
        cards.append(Card(pictures, f"example {number}"))
    return Gallery(cards, examples.caption, span=min(44, 10 * len(examples.columns)))
