"""``report.html`` of a comparison: verdicts first, then figures, tables, every trial, and settings."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from statistics import fmean

from codo.advice.compared import TONES
from codo.comparison.class_section import class_blocks
from codo.comparison.comparison import Comparison, mean_and_spread
from codo.comparison.initializations import format_parts
from codo.comparison.paper_table import COST_HEADS, PROVENANCE, cost_cells, printed_cells, printed_heads, printed_rows
from codo.comparison.probe_ranking import ranking_blocks
from codo.comparison.verdicts import conclusion, remarks, verdicts
from codo.core.config import flatten
from codo.core.numbers import MISSING, mean_spread, number, precision, share
from codo.evaluation.ap_values import KINDS, NAMES
from codo.evaluation.statistics import LEVEL, MIN_SEEDS, NEAR_ZERO, Difference
from codo.evaluation.verdict import in_points, reservation
from codo.models.weights import TRUNK
from codo.probes.rank_correlation import rank_correlation
from codo.reporting.average_precision import ap_dots, ap_trends
from codo.reporting.html.blocks import (
    Block,
    Code,
    Details,
    Figure,
    Figures,
    Numbers,
    Page,
    Section,
    Table,
    Text,
    Verdict,
)
from codo.reporting.html.label_efficiency import Trend
from codo.reporting.html.scatter import scatter

FOOTER = "Made by codo from the runs listed above. This page needs no network and runs no third-party code."
PROBES = {
    "probe/image/linear": "Linear probe on images",
    "probe/image/knn": "k-NN probe on images",
    "probe/roi/linear": "Linear probe on boxes",
    "probe/roi/knn": "k-NN probe on boxes",
    "invariance": "Background invariance",
}
"""Probe scores and their display names; the first one against AP is the paper's Figure 1."""
_HEADS = {"AP": "AP", "AP50": "AP 50", "AP75": "AP 75"}


def comparison_page(comparison: Comparison, title: str, settings: Mapping[str, object]) -> Page:
    """The whole page.

    Args:
        comparison: The comparison, finished or not.
        title: Title of the page.
        settings: The settings of the comparison, nested.
    """
    counts = [
        _count(len(comparison.inits), "initialization"),
        _count(len(comparison.fractions), "label fraction"),
        _count(len(comparison.seeds), "seed"),
    ]
    return Page(
        title=title,
        kicker="CoDo comparison",
        lead=f"{counts[0]}, {counts[1]} and {counts[2]}; the same labels, order of images and protocol for all.",
        sections=[
            *result_sections(comparison),
            Section("Classes", class_blocks(comparison)),
            Section("Initialized parts", [_parts(comparison)]),
            Section("Cost of pretraining", _costs(comparison)),
            Section("Probes and transfer", _transfer(comparison)),
            Section("Which probe predicts AP here", ranking_blocks(comparison)),
            Section("Published numbers", _published(comparison)),
            Section("Trials", [_trials(comparison)]),
            _origin(settings),
        ],
        footer=FOOTER,
        answer=conclusion(comparison),
    )


def result_sections(comparison: Comparison) -> list[Section]:
    """The verdicts, then figure and tables of boxes and masks."""
    results = [_results(comparison, kind) for kind in comparison.kinds]
    return [Section("Results", _verdict_blocks(comparison)), *results]


def _verdict_blocks(comparison: Comparison) -> list[Block]:
    """The verdicts, unless the only one is the conclusion of the page already, and the remarks."""
    sentences = verdicts(comparison)
    blocks: list[Block] = [Verdict(TONES[one], sentence) for sentence, one in sentences if len(sentences) > 1]
    notes = remarks(comparison)
    return [*blocks, *([Text(notes)] if notes else [])]


def _results(comparison: Comparison, kind: str) -> Section:
    blocks: list[Block] = [_figure(comparison, kind), Text([_note(comparison)])]
    blocks += [_table(comparison, fraction, kind) for fraction in comparison.fractions]
    return Section(KINDS[kind], blocks)


def _note(comparison: Comparison) -> str:
    """How to read the tables."""
    chance = "If there is no true difference, about one in twenty intervals excludes zero by chance."
    return (
        "Mean ± sample standard deviation over the seeds, AP times 100. Differences are to "
        f"{comparison.reference} with the same seeds and images, with a {LEVEL:.0%} bootstrap interval over the seeds "
        f"(widened for their small number) and the {comparison.evaluated:,} evaluation images (AR and AP by size: over "
        "the seeds alone); “better” or “worse” where the interval excludes zero; no verdict with fewer than "
        f"{MIN_SEEDS} seeds or if all AP are below "
        f"{100 * NEAR_ZERO:g}." + (f" {chance}" if len(comparison.challengers) > 1 else "")
    )


def _figure(comparison: Comparison, kind: str) -> Figures:
    """AP over labeled images, or with one fraction the AP of every seed as a dot."""
    title = KINDS[kind]
    if len(comparison.fractions) == 1:
        fraction = comparison.fractions[0]
        groups = {init: list(comparison.values(init, fraction, kind=kind).values()) for init in comparison.inits}
        return Figures([ap_dots(groups, title)])
    trends = [trend for init in comparison.inits if (trend := _trend(comparison, init, kind))]
    return Figures([ap_trends(trends, title)])


def _trend(comparison: Comparison, init: str, kind: str) -> Trend | None:
    found = {fraction: comparison.values(init, fraction, kind=kind) for fraction in comparison.fractions}
    found = {fraction: values for fraction, values in found.items() if values}
    if not found:
        return None
    both = [mean_and_spread(values) for values in found.values()]
    images = [round(fmean(comparison.images(fraction))) for fraction in found]
    dots = [(n, 100 * value) for n, values in zip(images, found.values(), strict=True) for value in values.values()]
    means = [100 * (mean or 0) for mean, _ in both]
    return Trend(init, images, means, [100 * (spread or 0) for _, spread in both], dots)


def _table(comparison: Comparison, fraction: float, kind: str) -> Table:
    rows, judged = [], comparison.judged
    heads = {**_HEADS, judged: _HEADS.get(judged, NAMES.get(judged, comparison.judged_words))}
    for init in comparison.inits:
        by_name = {name: comparison.values(init, fraction, name, kind) for name in heads}
        other = init != comparison.reference
        gain = comparison.difference(init, judged, kind, fractions=[fraction]) if other else None
        seeds = number(len(by_name["AP"]))
        rows.append([init, seeds, *(mean_spread(list(values.values())) for values in by_name.values()), _gain(gain)])
    low, high = min(comparison.images(fraction)), max(comparison.images(fraction))
    images = f"{low:,} images" if low == high else f"{low:,} to {high:,} images with objects"
    caption = f"{share(fraction)} of the labels: {images}."
    return Table(["Start from", "Seeds", *heads.values(), f"Difference of {comparison.judged_words}"], rows, caption)


def _gain(gain: Difference | None) -> str:
    if gain is None:
        return MISSING
    mean, interval = in_points(gain)
    if interval is None:
        return f"{mean} ({reservation(gain)})"
    remark = reservation(gain) or (gain.verdict if gain.verdict != "noise" else "")
    return f"{mean} ({interval})" + (f", {remark}" if remark else "")


def _parts(comparison: Comparison) -> Table:
    rows = []
    for init, initialization in comparison.initializations.items():
        sources = list(initialization.weights)
        source = sources[0] if len(sources) == 1 else f"{sources[0]} and {len(sources) - 1} more, one per seed"
        rows.append([init, *("pretrained" if part in initialization.parts else "random" for part in TRUNK), source])
    note = "With the same seed, random parts have the same values. RPN, predictors and mask head are always random."
    heads = [
        name.capitalize() if name.islower() else name for name in map(str, (format_parts([part]) for part in TRUNK))
    ]
    return Table(["Start from", *heads, "Weights"], rows, note, text=True)


def _costs(comparison: Comparison) -> list[Block]:
    """A table of costs; empty if no initialization is a pretraining run."""
    if not comparison.costs:
        return []
    scores = sorted({name for cost in comparison.costs.values() for name in cost.scores if name in PROBES})
    rows = []
    for init in comparison.inits:
        cost = comparison.costs.get(init)
        found = [number(cost.scores[name]) if cost and name in cost.scores else MISSING for name in scores]
        rows.append([init, *cost_cells(cost), cost.device if cost else MISSING, *found])
    note = "Means over the seeds; memory is the maximum. A sample is one image with all its views."
    heads = ["Start from", *COST_HEADS, "Device", *(PROBES[name] for name in scores)]
    return [Table(heads, rows, note)]


def _transfer(comparison: Comparison) -> list[Block]:
    """Probe scores of pretraining against AP, to see whether they predict transfer; a point for each method."""
    most = comparison.fractions[-1]
    ap = {init: 100 * fmean(values.values()) for init in comparison.inits if (values := comparison.values(init, most))}
    figures = []
    for name, title in PROBES.items():
        known = {init: cost.scores[name] for init, cost in comparison.costs.items() if name in cost.scores}
        points = {init: (score, ap[init]) for init, score in known.items() if init in ap}
        if len(points) < 2:
            continue
        found = rank_correlation([x for x, _ in points.values()], [y for _, y in points.values()])
        correlation_text = f"Rank correlation {found:+.2f} over {len(points)} methods." if found is not None else ""
        caption = f"A point for each method, means over the seeds. {correlation_text} Few points are weak evidence."
        alt = "; ".join(f"{init}: {x:.3f}, AP {y:.1f}" for init, (x, y) in points.items())
        svg = scatter(points, x_label=title, y_label="box AP × 100")
        numbers = Numbers(["initialization", title, "box AP"], [[init, x, y] for init, (x, y) in points.items()])
        figures.append(Figure(f"{title} and box AP", svg, caption, f"{title} against box AP. {alt}.", numbers))
    return [Figures(figures)] if figures else []


def _published(comparison: Comparison) -> list[Block]:
    """The paper's rows of these initializations."""
    rows = printed_rows(comparison)
    if not rows:
        return []
    *heads, _ = printed_heads(rows)
    numbers = Table(heads, [printed_cells(row, rows)[:-1] for row in rows], PROVENANCE)
    notes = [[row.label, str(row.epochs), row.note] for row in rows if row.note]
    return [numbers, Table(["Published", "Epochs", "Where it comes from"], notes, "Notes on rows.", text=True)]


def _trials(comparison: Comparison) -> Details:
    names = [(kind, name) for kind in comparison.kinds for name in _HEADS]
    rows = []
    for trial in comparison.trials:
        result = comparison.results.get(trial.key)
        numbers = result.numbers if result else {}
        values = [precision(numbers.get(kind, {}).get(name)) for kind, name in names]
        state = comparison.failures.get(trial.key, comparison.state(trial))
        rows.append([trial.init, share(trial.fraction), f"{trial.images:,}", str(trial.seed), *values, state])
    heads = [f"{KINDS[kind]}: {NAMES[name]}" for kind, name in names]
    table = Table(["Start from", "Labels", "Images", "Seed", *heads, "State"], rows, "All numbers: `results.csv`.")
    return Details(f"{len(comparison.results)} of {_count(len(comparison.trials), 'trial')} are finished", [table])


def _origin(settings: Mapping[str, object]) -> Section:
    rows = [(key, "null" if value is None else str(value)) for key, value in flatten(settings).items()]
    table = Table(["Setting", "Value"], rows, "Settings of the comparison, from `compare.yaml`.", text=True)
    command = Code(shlex.join(sys.argv), "The command that wrote this page.")
    return Section("How it was made", [command, Details(f"Settings ({len(rows)})", [table])])


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
