"""The section on frozen features shows what was logged, and nothing that was not."""

from __future__ import annotations

from typing import Any

from codo.evaluation.run_metrics import Metrics
from codo.reporting.html.blocks import Figure, Figures, Section
from codo.reporting.probes_section import probes_section


def titles(section: Section) -> list[str]:
    found = [one for block in section.blocks if isinstance(block, Figures) for one in block.figures]
    return [one.title for one in found if isinstance(one, Figure)]


def rows(**values: float) -> list[dict[str, Any]]:
    return [{"step": step, **{key: value * (1 + step / 10) for key, value in values.items()}} for step in (0, 10, 20)]


def test_without_probes_there_is_nothing_to_show() -> None:
    assert probes_section(Metrics(rows(loss=1.0))).blocks == []


def test_parts_are_compared_where_several_were_probed() -> None:
    whole = {"probe/roi/knn": 0.2, "probe/roi/linear": 0.3, "probe/roi/chance": 0.1}
    one = titles(probes_section(Metrics(rows(**whole, **{"probe/roi/backbone/knn": 0.2}))))
    assert one == ["Labeled boxes: mean recall of the classes (%)"]
    both = {"probe/roi/backbone/knn": 0.2, "probe/roi/fpn/knn": 0.25}
    assert titles(probes_section(Metrics(rows(**whole, **both)))) == [
        "Labeled boxes: mean recall of the classes (%)",
        "Labeled boxes by part, k nearest neighbors: mean recall of the classes (%)",
    ]


def test_exported_features_are_shown_without_labels() -> None:
    features = {"features/box_head/rank": 100.0, "features/box_head/dead": 0.1, "features/box_head/std": 0.5}
    assert titles(probes_section(Metrics(rows(**features)))) == [
        "Effective rank of exported features",
        "Dead units of exported features (%)",
        "Spread of exported features",
    ]
