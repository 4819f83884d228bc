"""The numbers printed in the paper, with notes on their origin (``published.yaml``)."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

import yaml

Schedule = Literal["1x", "2x"]
MEASURES = tuple((kind, name) for kind in ("bbox", "segm") for name in ("AP", "AP50", "AP75"))
"""``(kind, name)`` of the numbers of a row, in their order."""


class Published(NamedTuple):
    """One row of a table of the paper.

    Attributes:
        label: As printed.
        epochs: Epochs of pretraining, as printed.
        values: Schedule -> the numbers `MEASURES`, times 100; ``None`` where nothing is printed.
        note: Origin of the row, if it is not what its label says.
    """

    label: str
    epochs: int
    values: dict[str, list[float | None]]
    note: str


@cache
def published(table: str) -> dict[str, list[Published]]:
    """The rows of ``table1`` or ``table2`` by name of the initialization."""
    text = (resources.files("codo.tables") / "published.yaml").read_text(encoding="utf-8")
    return {
        init: [
            Published(row["label"], row["epochs"], {s: row[s] for s in ("1x", "2x") if s in row}, row.get("note", ""))
            for row in rows
        ]
        for init, rows in yaml.safe_load(text)[table].items()
    }
