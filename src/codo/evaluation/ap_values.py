"""COCO's numbers as `codo.evaluate` returns them: their display names, and access to single values.

``{"bbox": {"AP": 0.41, …}, "segm": {…}}``: values in [0, 1]; -1 (COCO's convention) means that there was no object.
"""

from __future__ import annotations

from collections.abc import Mapping

KINDS = {"bbox": "Boxes", "segm": "Masks"}
SINGULAR = {"bbox": "box", "segm": "mask"}

NAMES = {
    "AP": "AP",
    "AP50": "AP 50",
    "AP75": "AP 75",
    "APs": "AP small",
    "APm": "AP medium",
    "APl": "AP large",
    "AR1": "AR 1",
    "AR10": "AR 10",
    "AR100": "AR 100",
    "ARs": "AR small",
    "ARm": "AR medium",
    "ARl": "AR large",
}
"""Display names of COCO's twelve numbers."""


def ap_value(numbers: Mapping[str, Mapping[str, float]], kind: str, name: str) -> float | None:
    """One of the numbers; ``None`` where it is missing or -1."""
    value = numbers.get(kind, {}).get(name, -1.0)
    return float(value) if value >= 0 else None
