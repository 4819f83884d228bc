"""``codo compare``: which initialisation gives the better detector, and is the difference beyond noise?

::

    OUT/compare.yaml      the settings, resolved
    OUT/cells/…           a finetuning run for each cell (see ``cells``)
    OUT/logs/…            what the processes of the cells printed, where there were several
    OUT/results.csv       every cell, every number
    OUT/summary.csv       means, spreads, differences with intervals
    OUT/table.tex         the paper's columns, for LaTeX
    OUT/report.html       one offline page

The same command goes on with the cells that are missing; more initialisations, fractions or seeds may be added. The
files are written after every cell, so that a comparison can be read while it is at work.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from codo.catalog.paths import absolute
from codo.compare.cells import Cell, plan
from codo.compare.comparison import Comparison, summary
from codo.compare.page import comparison_page
from codo.compare.schedule import places, run_apart, run_here
from codo.compare.settings import CompareSettings
from codo.compare.tables import latex, results_csv, summary_csv
from codo.config import nest, resolve
from codo.errors import CodoError, InputError
from codo.reporting.page import write_page
from codo.run import Run, write_atomically

_OURS = {"compare.yaml", "cells", "logs", "results.csv", "summary.csv", "table.tex", "report.html", ".lock"}


def compare(recipe: str | Path | None = None, **overrides: Any) -> Comparison:
    """Finetune from several initialisations, at several label fractions, with several seeds; the same call resumes.

    Args:
        recipe: Name of a shipped recipe of a finetuning, or a YAML file.
        **overrides: Settings on top of it, nested or with dotted names: ``inits``, ``fractions``, ``seeds``, ``data``,
            ``out``, and everything that `codo.finetune` knows.

    Returns:
        All numbers, with every cell finished.

    Raises:
        InputError: Bad settings, data or weights; nothing has been written.
        Interrupted, Preempted: Asked to stop; the cells at work have checkpoints.
        CodoError: Some cells failed; the others are finished.
    """
    given = nest(overrides)
    settings = resolve(CompareSettings, recipe, given)
    out = Path(absolute(settings.out))
    check_folder(out)
    cells, parts = plan(settings, given.get("model", {}))
    folder = Run(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"cannot create the folder: {error.strerror}"
        raise InputError(what, where=str(out), fix="choose another out=") from error
    folder.lock()
    try:
        write_atomically(out / "compare.yaml", _yaml(settings))
        failures = _do(settings, out, cells, parts)
    finally:
        folder.unlock()
    comparison = Comparison.read(out, cells, parts, failures)
    if failures:
        first = next(iter(failures.items()))
        what = f"{len(failures)} of {len(cells)} cells failed; the first: {first[0]}: {first[1]}"
        raise CodoError(what, where=str(out), fix="the same command tries them again; finished cells stay")
    return comparison


def check_folder(out: Path) -> None:
    """Refuse a folder that holds anything but a comparison.

    Raises:
        InputError: See above.
    """
    if out.exists() and not out.is_dir():
        raise InputError("out= is a file", where=str(out), fix="name a folder")
    names = {entry.name for entry in out.iterdir()} if out.is_dir() else set()
    foreign = sorted(name for name in names - _OURS if not name.endswith(".tmp"))
    if foreign:
        what = f"out= is not empty and no comparison (it has {foreign[0]})"
        raise InputError(what, where=str(out), fix="choose an empty or new folder")


def _do(settings: CompareSettings, out: Path, cells: list[Cell], parts: Mapping[str, str]) -> dict[str, str]:
    """Do what is missing; returns the cells that failed, in words, with the reasons."""
    failures: dict[str, str] = {}
    missing = [cell for cell in cells if cell.numbers() is None]
    print(f"{len(cells)} cells, {len(missing)} to do", flush=True)

    def done(cell: Cell, reason: str | None) -> None:
        if reason:
            failures[str(cell)] = reason
        numbers = cell.numbers()
        said = f"box AP {100 * numbers['bbox']['AP']:.1f}" if numbers else f"failed: {reason}"
        print(f"{cell}: {said}", flush=True)
        write_results(settings, Comparison.read(out, cells, parts, failures))

    write_results(settings, Comparison.read(out, cells, parts, failures))
    spots = places(settings.jobs, settings.device)
    if len(spots) > 1:
        run_apart(missing, spots, out / "logs", done)
    else:
        run_here(missing, done)
    return failures


def write_results(settings: CompareSettings, comparison: Comparison) -> None:
    """Write the tables and the page of what is there."""
    out = comparison.out
    write_atomically(out / "results.csv", results_csv(comparison))
    write_atomically(out / "summary.csv", summary_csv(comparison))
    write_atomically(out / "table.tex", latex(comparison))
    page = comparison_page(comparison, out.name, settings.model_dump(mode="json"))
    write_page(page, out / "report.html")


def closing_words(comparison: Comparison) -> str:
    """What the command prints at its end: the sentences, and where to look."""
    return "\n".join([*summary(comparison), "", f"report   {comparison.out / 'report.html'}"])


def _yaml(settings: CompareSettings) -> str:
    text = yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return f"# settings of this codo compare, resolved\n{text}"
