"""The paper's table as Markdown, with additional columns, and the published numbers below ours.

``table.md`` has a line for each initialization and label fraction: initialized parts, samples seen in pretraining,
time, peak memory, AP as in the paper. ``costs.csv`` has costs and probe scores with all digits.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from codo.comparison.comparison import Comparison
from codo.comparison.initializations import format_parts
from codo.comparison.pretraining_costs import PretrainingCost
from codo.core.numbers import MISSING, compact, duration, mean_spread, share
from codo.evaluation.ap_values import SINGULAR
from codo.tables.latex import COLUMNS
from codo.tables.published import MEASURES, Published, published

COST_HEADS = ("Samples seen", "Views", "Time", "Peak memory")
PROVENANCE = (
    "The published numbers are those printed in the paper, on COCO with ResNet-50. Its rows come from different "
    "protocols (see the notes) and are not comparable with each other, nor with numbers on other data."
)


def costs_csv(comparison: Comparison) -> str:
    """One line for each initialization: parts, costs, last score of every probe; means over the seeds."""
    scores = sorted({name for cost in comparison.costs.values() for name in cost.scores})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["init", "parts", "samples", "views", "seconds", "memory_mb", "device", *scores])
    for init, initialization in comparison.initializations.items():
        cost = comparison.costs.get(init)
        known = [cost.samples, cost.views, cost.seconds, cost.memory_mb, cost.device] if cost else [""] * 5
        values = [cost.scores.get(name, "") if cost else "" for name in scores]
        writer.writerow([init, format_parts(initialization.parts), *known, *values])
    return text.getvalue()


def cost_cells(cost: PretrainingCost | None) -> list[str]:
    """The values of the columns `COST_HEADS`."""
    if cost is None:
        return [MISSING] * len(COST_HEADS)
    return [compact(cost.samples), str(cost.views), duration(cost.seconds), f"{cost.memory_mb / 1024:.1f} GiB"]


def markdown(comparison: Comparison) -> str:
    """The whole table."""
    columns = [(kind, name) for kind in comparison.kinds for name in COLUMNS]
    several = len(comparison.fractions) > 1
    heads = [*(["Labels"] if several else []), "Start from", "Initializes", *COST_HEADS]
    heads += [f"{SINGULAR[kind]} {name}" for kind, name in columns]
    rows = []
    for fraction in comparison.fractions:
        for init, initialization in comparison.initializations.items():
            values = [mean_spread(list(comparison.values(init, fraction, n, k).values())) for k, n in columns]
            first = [share(fraction)] if several else []
            rows.append(
                [*first, init, format_parts(initialization.parts), *cost_cells(comparison.costs.get(init)), *values]
            )
    progress = f"{len(comparison.results)} of {len(comparison.trials)} trials, {len(comparison.seeds)} seeds"
    caption = (
        f"AP times 100, mean ± sample standard deviation over the seeds ({progress}); costs are those of pretraining."
    )
    parts = [caption, *_table(heads, rows)]
    if printed := printed_rows(comparison):
        parts += ["", PROVENANCE, *_table(printed_heads(printed), [printed_cells(row, printed) for row in printed])]
    return "\n".join(parts) + "\n"


def printed_rows(comparison: Comparison) -> list[Published]:
    """The published rows of these initializations."""
    if comparison.published is None:
        return []
    rows = published(comparison.published)
    return [row for init in comparison.inits for row in rows.get(init, [])]


def printed_heads(rows: Sequence[Published]) -> list[str]:
    """Heads of the columns of published numbers."""
    numbers = [f"{schedule} {SINGULAR[kind]} {name}" for schedule in _schedules(rows) for kind, name in MEASURES]
    return ["Published", "Epochs", *numbers, "Where it comes from"]


def printed_cells(row: Published, rows: Sequence[Published]) -> list[str]:
    """The cells of one published row, for the columns `printed_heads`."""
    values = [v for schedule in _schedules(rows) for v in row.values.get(schedule, [None] * len(MEASURES))]
    texts = [MISSING if value is None else f"{value:.1f}" for value in values]
    return [row.label, str(row.epochs), *texts, row.note or "as printed"]


def _schedules(rows: Sequence[Published]) -> list[str]:
    return [schedule for schedule in ("1x", "2x") if any(schedule in row.values for row in rows)]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table with padded columns, which is readable as plain text."""
    cells = [[cell.replace("|", r"\|") for cell in line] for line in (heads, *rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    ruled = [cells[0], ["-" * width for width in widths], *cells[1:]]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in ruled]
    return ["", *(f"| {' | '.join(line)} |" for line in padded)]
