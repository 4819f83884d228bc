"""The report's section on frozen features: labeled probes, and rank, dead units and spread of what will be exported."""

from __future__ import annotations

from codo.evaluation.run_metrics import Metrics
from codo.reporting.common import figure, figures
from codo.reporting.html.blocks import Figure, Section

PARTS = {"backbone": "backbone", "fpn": "FPN", "box_head": "box head"}


def probes_section(metrics: Metrics) -> Section:
    """Probes of the frozen trunk on labeled boxes and images, and of its parts."""
    found = [
        _scores(metrics, "Labeled boxes", {"k nearest neighbors": "roi/knn", "linear": "roi/linear"}),
        _scores(metrics, "Labeled pictures", {"k nearest neighbors": "image/knn", "linear": "image/linear"}),
    ]
    if len([part for part in PARTS if metrics.last(f"probe/roi/{part}/knn") is not None]) > 1:
        for name, title in (("knn", "k nearest neighbors"), ("linear", "linear")):
            by_part = {part: f"roi/{key}/{name}" for key, part in PARTS.items()}
            found.append(_scores(metrics, f"Labeled boxes by part, {title}", by_part))
    return Section("Probes of frozen features", figures([*found, *_feature_figures(metrics)]))


def _scores(metrics: Metrics, title: str, keys: dict[str, str]) -> Figure | None:
    kind = next(iter(keys.values())).partition("/")[0]
    return figure(
        metrics,
        f"{title}: mean recall of the classes (%)",
        {name: f"probe/{key}" for name, key in keys.items()},
        "On held-out samples, with frozen features: a vote of the 20 nearest neighbors, and logistic regression.",
        references=[("chance", metrics.last(f"probe/{kind}/chance"))],
        limits=(0, None),
        scale=100,
    )


def _feature_figures(metrics: Metrics) -> list[Figure | None]:
    """Rank, dead units and spread, one curve for each part."""

    def by_part(name: str) -> dict[str, str]:
        return {part: f"features/{key}/{name}" for key, part in PARTS.items()}

    return [
        figure(
            metrics,
            "Effective rank of exported features",
            by_part("rank"),
            "Effective number of directions in which boxes differ, on the canvases of the invariance probe, without "
            "labels. It is read against its first value.",
            limits=(0, None),
        ),
        figure(
            metrics,
            "Dead units of exported features (%)",
            by_part("dead"),
            "Units that hardly differ between boxes; behind a ReLU, those that are always 0.",
            limits=(0, None),
            scale=100,
        ),
        figure(
            metrics,
            "Spread of exported features",
            by_part("std"),
            "0 if the features of all boxes point in one direction, 1 if they point in all directions.",
            limits=(0, 1),
        ),
    ]
