"""Average precision on a page: COCO's twelve numbers as a table, and the AP of every seed as a dot plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from codo.core.numbers import MISSING, precision
from codo.evaluation.ap_values import NAMES
from codo.reporting.html.blocks import Figure, Numbers, Table
from codo.reporting.html.label_efficiency import Trend, label_efficiency
from codo.reporting.html.plots import dots

EXPLAINED = (
    "COCO's twelve numbers, times 100. AP: mean over IoU 0.50 to 0.95, at 0.50, at 0.75, then of small (under 32² px), "
    "medium and large (over 96² px) objects; AR: recall with 1, 10 and 100 detections per image, then by size. "
    "A dash: no such objects."
)


def ap_table(rows: Mapping[str, Mapping[str, float]], caption: str = EXPLAINED) -> Table:
    """One row of twelve numbers for each name; columns without any number are left out."""
    names = [name for name in NAMES if any(name in values for values in rows.values())]
    cells = [[label, *(precision(values.get(name)) for name in names)] for label, values in rows.items()]
    return Table(["Objects", *(NAMES[name] for name in names)], cells, caption)


def ap_trends(trends: Sequence[Trend], title: str) -> Figure:
    """Mean AP over the number of labeled images, with every seed as a dot.

    Args:
        trends: One curve for each initialization.
        title: ``Boxes`` or ``Masks``.
    """
    described = "; ".join(
        f"{one.name}: " + ", ".join(f"{mean:.1f} at {count}" for count, mean in zip(one.images, one.means, strict=True))
        for one in trends
    )
    name = f"{title}: AP × 100 by labeled images"
    caption = "Line and band: mean and one standard deviation over the seeds; each dot is one seed."
    rows: list[list[str | float]] = [
        [one.name, *values] for one in trends for values in zip(one.images, one.means, one.spreads, strict=True)
    ]
    numbers = Numbers(["initialization", "labeled images", "mean AP", "standard deviation"], rows)
    return Figure(name, label_efficiency(trends), caption, f"{name}. {described}.", numbers)


def ap_dots(values: Mapping[str, Sequence[float]], title: str) -> Figure:
    """The AP of every seed of every initialization as a dot.

    Args:
        values: Initialization -> AP of its seeds, in [0, 1].
        title: ``Boxes`` or ``Masks``.
    """
    groups = {label: [100 * value for value in seeds] for label, seeds in values.items()}
    listed = {label: ", ".join(f"{ap:.1f}" for ap in seeds) or MISSING for label, seeds in groups.items()}
    spoken = "; ".join(f"{label}: {seeds}" for label, seeds in listed.items())
    caption = "Each dot is one seed, the bar is their mean. With few seeds, compare the groups, not single dots."
    numbers = Numbers(["initialization", "AP"], [[label, ap] for label, seeds in groups.items() for ap in seeds])
    svg = dots(groups, x_label="AP × 100")
    return Figure(f"{title}: AP by initialization", svg, caption, f"{title}, AP. {spoken}.", numbers)
