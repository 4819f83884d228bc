"""``report.html`` of a comparison: the sentence first, then figure, tables, every cell, and how it was made."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping

from codo.compare.comparison import Comparison, mean_and_spread, summary
from codo.config import flatten
from codo.reporting.blocks import Block, Code, Details, Figure, Figures, Page, Section, Table, Text
from codo.reporting.comparison import KINDS, NAMES, ap_dots
from codo.reporting.efficiency import Trend, label_efficiency
from codo.reporting.numbers import MISSING, mean_spread, number, points, share
from codo.reporting.statistics import LEVEL, Difference

FOOTER = "Made by codo from the runs it names. This page needs no network and runs no foreign code."
_NOTE = (
    "Mean ± sample standard deviation over the seeds, AP times 100. Difference: to the first row at the same seed, "
    f"with a {LEVEL:.0%} bootstrap interval over the seeds, widened for their small number; “better” or “worse” where "
    "it excludes zero."
)
_HEADS = {"AP": "AP", "AP50": "AP 50", "AP75": "AP 75"}


def comparison_page(comparison: Comparison, title: str, settings: Mapping[str, object]) -> Page:
    """The whole page.

    Args:
        comparison: What is done so far.
        title: Its name.
        settings: The settings that all cells share, nested.
    """
    data = f"{len(comparison.inits)} initialisations, {len(comparison.fractions)} label fractions, "
    return Page(
        title=title,
        kicker="CoDo comparison",
        lead=f"{data}{len(comparison.seeds)} seeds; the same labels, order and protocol for all.",
        sections=[
            Section("What came out", [Text(summary(comparison))]),
            *([_results(comparison, kind) for kind in comparison.kinds]),
            Section("What each initialisation brings", [_parts(comparison)]),
            Section("Every cell", [_cells(comparison)]),
            _origin(settings),
        ],
        footer=FOOTER,
    )


def _results(comparison: Comparison, kind: str) -> Section:
    blocks: list[Block] = [_figure(comparison, kind), Text([_NOTE])]
    blocks += [_table(comparison, fraction, kind) for fraction in comparison.fractions]
    return Section(KINDS[kind], blocks)


def _figure(comparison: Comparison, kind: str) -> Figures:
    """AP against labels, or with one fraction every seed as a dot."""
    title = KINDS[kind]
    if len(comparison.fractions) == 1:
        fraction = comparison.fractions[0]
        groups = {
            init: [{kind: {"AP": value}} for value in comparison.values(init, fraction, kind=kind).values()]
            for init in comparison.inits
        }
        return Figures([ap_dots(groups, kind, title)])
    trends = [trend for init in comparison.inits if (trend := _trend(comparison, init, kind))]
    said = "; ".join(f"{trend.name}: {_said(trend)}" for trend in trends)
    caption = "Line and band: mean and one standard deviation over the seeds; each dot is one seed."
    name = f"{title}: AP by labelled images"
    return Figures([Figure(name, label_efficiency(trends), caption, f"{name}. {said}.")])


def _said(trend: Trend) -> str:
    return ", ".join(f"{mean:.1f} at {count}" for count, mean in zip(trend.images, trend.means, strict=True))


def _trend(comparison: Comparison, init: str, kind: str) -> Trend | None:
    found = {fraction: comparison.values(init, fraction, kind=kind) for fraction in comparison.fractions}
    found = {fraction: values for fraction, values in found.items() if values}
    if not found:
        return None
    both = [mean_and_spread(values) for values in found.values()]
    images = [comparison.images(fraction) for fraction in found]
    dots = [(n, 100 * value) for n, values in zip(images, found.values(), strict=True) for value in values.values()]
    means = [100 * (mean or 0) for mean, _ in both]
    return Trend(init, images, means, [100 * (spread or 0) for _, spread in both], dots)


def _table(comparison: Comparison, fraction: float, kind: str) -> Table:
    rows = []
    for init in comparison.inits:
        by_name = {name: comparison.values(init, fraction, name, kind) for name in _HEADS}
        gain = comparison.difference(init, fraction, kind=kind) if init != comparison.reference else None
        seeds = number(len(by_name["AP"]))
        rows.append([init, seeds, *(mean_spread(list(values.values())) for values in by_name.values()), _gain(gain)])
    images = f"{share(fraction)} of the labels ({comparison.images(fraction)} images)"
    return Table(["Start from", "Seeds", *_HEADS.values(), "Difference of AP"], rows, f"{images}.")


def _gain(gain: Difference | None) -> str:
    if gain is None:
        return MISSING
    if gain.low is None or gain.high is None:
        return f"{points(gain.mean)} (one seed)"
    interval = f"{points(gain.mean)} ({points(gain.low)} to {points(gain.high)})"
    return interval if gain.verdict == "noise" else f"{interval}, {gain.verdict}"


def _parts(comparison: Comparison) -> Table:
    note = "What is not named starts at random, for all alike: RPN, predictors and mask head always do."
    return Table(
        ["Start from", "Pretrained parts"], [[i, comparison.parts[i]] for i in comparison.inits], note, text=True
    )


def _cells(comparison: Comparison) -> Details:
    names = [(kind, name) for kind in comparison.kinds for name in _HEADS]
    rows = []
    for cell in comparison.cells:
        numbers = comparison.finished.get(cell.key)
        state = "finished" if numbers else comparison.failures.get(str(cell), "missing")
        values = [mean_spread([(numbers or {}).get(kind, {}).get(name, -1.0)]) for kind, name in names]
        rows.append([cell.init, share(cell.fraction), number(cell.seed), *values, state])
    heads = [f"{KINDS[kind]}: {NAMES[name]}" for kind, name in names]
    table = Table(["Start from", "Labels", "Seed", *heads, "State"], rows, "All numbers: `results.csv`.")
    return Details(f"{len(comparison.finished)} of {len(comparison.cells)} cells are finished", [table])


def _origin(settings: Mapping[str, object]) -> Section:
    rows = [(key, "null" if value is None else str(value)) for key, value in flatten(settings).items()]
    table = Table(["Setting", "Value"], rows, "Of all cells, from `compare.yaml`.", text=True)
    command = Code(shlex.join(sys.argv), "The command that wrote this page.")
    return Section("How it was made", [command, Details(f"Settings ({len(rows)})", [table])])
