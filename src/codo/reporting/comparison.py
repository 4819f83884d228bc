"""Several initializations and seeds against each other: tables, dots, and one honest sentence.

Results are nested by initialization, then seed: ``{"CoDo": [{"bbox": {"AP": 0.41, …}, "segm": {…}}, …], …}``. The seeds
of all initializations stand in the same order, so that differences can be taken seed by seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from codo.core.numbers import MISSING, difference, mean_spread, number, precision
from codo.reporting.html.blocks import Block, Figure, Figures, Table
from codo.reporting.html.plots import dots

Result = Mapping[str, Mapping[str, float]]
Results = Mapping[str, Sequence[Result]]

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
"""COCO's twelve numbers and what the reader sees."""

EXPLAINED = (
    "COCO's twelve numbers, times 100. AP: mean over IoU 0.50 to 0.95, at 0.50, at 0.75, then of small (under 32² px), "
    "medium and large (over 96² px) objects; AR: recall with 1, 10 and 100 detections an image, then by size. "
    "A dash: no such objects."
)


def ap_table(rows: Mapping[str, Mapping[str, float]], caption: str = EXPLAINED) -> Table:
    """One row of twelve numbers for each name; numbers missing everywhere are left out."""
    names = [name for name in NAMES if any(name in values for values in rows.values())]
    cells = [[label, *(precision(values.get(name)) for name in names)] for label, values in rows.items()]
    return Table(["", *(NAMES[name] for name in names)], cells, caption)


def comparison(results: Results, baseline: str | None = None) -> list[Block]:
    """Tables (mean ± standard deviation over seeds), differences to the baseline, and every seed as a dot."""
    kinds = [kind for kind in KINDS if any(kind in result for seeds in results.values() for result in seeds)]
    blocks: list[Block] = []
    for kind in kinds:
        blocks.append(spread_table(results, kind, KINDS[kind]))
        if baseline in results and len(results) > 1:
            blocks.append(difference_table(results, kind, KINDS[kind], str(baseline)))
    return [*blocks, Figures([ap_dots(results, kind, KINDS[kind]) for kind in kinds])] if blocks else []


def spread_table(results: Results, kind: str, title: str) -> Table:
    """Initializations by COCO's numbers, mean ± sample standard deviation over the seeds."""
    names = [name for name in NAMES if any(name in r.get(kind, {}) for seeds in results.values() for r in seeds)]
    rows = [
        [label, number(len(seeds)), *(mean_spread(values_of(seeds, kind, name)) for name in names)]
        for label, seeds in results.items()
    ]
    caption = f"{title}: mean ± sample standard deviation over the seeds, AP times 100, higher is better."
    return Table(["Start from", "Seeds", *(NAMES[name] for name in names)], rows, caption)


def difference_table(results: Results, kind: str, title: str, baseline: str) -> Table:
    """What each initialization gains over the baseline, seed by seed."""
    names = ("AP", "AP50", "AP75")
    rows = []
    for label in results:
        if label != baseline:
            gains = {name: gains_of(results, kind, name, label, baseline) for name in names}
            better = sum(gain > 0 for gain in gains["AP"])
            rows.append([label, *(difference(gains[name]) for name in names), f"{better} of {len(gains['AP'])}"])
    caption = (
        f"{title}: points gained over “{baseline}” with the same seed, mean ± sample standard deviation over the seeds."
    )
    return Table(["Start from", *(NAMES[name] for name in names), "AP better in"], rows, caption)


def ap_dots(results: Results, kind: str, title: str) -> Figure:
    """Every seed of every initialization as a dot."""
    groups = {label: [100 * v for v in values_of(seeds, kind, "AP")] for label, seeds in results.items()}
    listed = {label: ", ".join(f"{v:.1f}" for v in values) or MISSING for label, values in groups.items()}
    said = "; ".join(f"{label}: {values}" for label, values in listed.items())
    caption = "Each dot is one seed, the bar is their mean. With few seeds, read the distance between the groups."
    return Figure(f"{title}: AP by initialization", dots(groups, x_label="AP × 100"), caption, f"{title}, AP. {said}.")


def sentence(results: Results, label: str, baseline: str, kind: str = "bbox") -> str:
    """What came out, whichever side wins, and whether the seeds agree on it."""
    mine, theirs = (values_of(results.get(name, ()), kind, "AP") for name in (label, baseline))
    gains = gains_of(results, kind, "AP", label, baseline)
    if not gains:
        return f"There is nothing to compare {label} with {baseline} by."
    better, worse = sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)
    ahead = f"{label if fmean(gains) > 0 else baseline} comes out ahead" if better != worse else "Neither is ahead"
    agree = max(better, worse) == len(gains) >= 3
    return (
        f"{ahead}: {label} {mean_spread(mine)}, {baseline} {mean_spread(theirs)} {SINGULAR[kind]} AP. "
        f"That is {difference(gains)} points for {label}, better with {better} of {len(gains)} seeds."
        + ("" if agree else " The seeds are too few or disagree: take it as undecided.")
    )


def values_of(seeds: Sequence[Result], kind: str, name: str) -> list[float]:
    """One number of every seed that has it; COCO's -1 means that there was nothing to measure."""
    return [float(result[kind][name]) for result in seeds if result.get(kind, {}).get(name, -1.0) >= 0]


def gains_of(results: Results, kind: str, name: str, label: str, baseline: str) -> list[float]:
    """Differences between two initializations, seed by seed, where both have the number."""
    pairs = zip(results.get(label, ()), results.get(baseline, ()), strict=False)
    both = [(values_of([a], kind, name), values_of([b], kind, name)) for a, b in pairs]
    return [a[0] - b[0] for a, b in both if a and b]
