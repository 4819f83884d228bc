"""``codo compare``: which initialisation gives the better detector, and is the difference beyond noise?

::

    OUT/compare.yaml      the settings, resolved
    OUT/cells/…           a finetuning run for each cell (see ``cells``)
    OUT/logs/…            what the processes of the cells printed, where they had their own
    OUT/results.csv       every cell, every number
    OUT/summary.csv       means, spreads, differences with intervals
    OUT/table.tex         the paper's columns, for LaTeX
    OUT/comparison.json   all of it for programs (see ``tables``)
    OUT/report.html       one offline page

The same command goes on with the cells that are missing; more initialisations, fractions or seeds may be added. The
files are written after every cell, so that a comparison can be read while it is at work.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from codo.catalog.paths import absolute
from codo.compare.cells import Cell, Key
from codo.compare.comparison import Comparison
from codo.compare.page import comparison_page
from codo.compare.plan import Plan, plan
from codo.compare.schedule import run_apart, run_here
from codo.compare.sentences import summary
from codo.compare.settings import CompareSettings
from codo.compare.starts import check_unchanged
from codo.compare.tables import as_json, latex, read_starts, results_csv, summary_csv
from codo.config import nest, resolve
from codo.errors import CodoError, InputError
from codo.reporting.page import write_page
from codo.run import Run, write_atomically
from codo.training.distributed import choose_device, launched, places

DOCUMENT = "comparison.json"
_OURS = {"compare.yaml", "cells", "logs", "results.csv", "summary.csv", "table.tex", DOCUMENT, "report.html", ".lock"}


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
    settings = settings.model_copy(update={"out": str(out)})
    if launched() > 1:
        fix = "start codo compare alone; it starts a process for each GPU itself"
        raise InputError("a comparison cannot be run by torchrun", where="codo compare", fix=fix)
    check_folder(out)
    grid = plan(settings, given.get("model", {}))
    check_unchanged(grid.starts, read_starts(out / DOCUMENT), [cell for cell in grid.cells if cell.path.exists()])
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"cannot create the folder: {error.strerror}"
        raise InputError(what, where=str(out), fix="choose another out=") from error
    folder = Run(out)
    folder.lock()
    try:
        write_atomically(out / "compare.yaml", _yaml(settings))
        failures = _do(settings, grid)
    finally:
        folder.unlock()
    if failures:
        raise _failed(grid, failures)
    return Comparison.read(grid, {})


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


def _do(settings: CompareSettings, grid: Plan) -> dict[Key, str]:
    """Do what is missing; returns the cells that failed, with the reasons."""
    failures: dict[Key, str] = {}
    missing = [cell for cell in grid.cells if cell.result() is None]
    print(f"{len(grid.cells)} cells, {len(missing)} to do", flush=True)

    def done(cell: Cell, reason: str | None) -> None:
        if reason:
            failures[cell.key] = reason
        result = cell.result()
        said = f"box AP {100 * result.numbers['bbox']['AP']:.1f}" if result else f"failed: {reason}"
        print(f"{cell}: {said}", flush=True)
        write_results(settings, Comparison.read(grid, failures))

    write_results(settings, Comparison.read(grid, failures))
    spots = places(settings.jobs, settings.device)
    # On a GPU always apart: an error there can leave a process that no other cell can be done in.
    if len(spots) > 1 or choose_device(settings.device).type == "cuda":
        run_apart(missing, spots, grid.out / "logs", done)
    else:
        run_here(missing, done)
    return failures


def write_results(settings: CompareSettings, comparison: Comparison) -> None:
    """Write the tables and the page of what is there."""
    out = comparison.out
    write_atomically(out / "results.csv", results_csv(comparison))
    write_atomically(out / "summary.csv", summary_csv(comparison))
    write_atomically(out / "table.tex", latex(comparison))
    write_atomically(out / DOCUMENT, as_json(comparison))
    page = comparison_page(comparison, out.name, settings.model_dump(mode="json"))
    write_page(page, out / "report.html")


def closing_words(comparison: Comparison) -> str:
    """What the command prints at its end: the sentences, and where to look."""
    return "\n".join([*summary(comparison), "", f"report   {comparison.out / 'report.html'}"])


def _failed(grid: Plan, failures: dict[Key, str]) -> CodoError:
    cells = {cell.key: cell for cell in grid.cells}
    named = [f"{cells[key]}: {reason}" for key, reason in failures.items()]
    what = f"{len(failures)} of {len(cells)} cells failed\n  " + "\n  ".join(named)
    return CodoError(what, where=str(grid.out), fix="mend it; the same command tries them again, finished cells stay")


def _yaml(settings: CompareSettings) -> str:
    text = yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return f"# settings of this codo compare, resolved\n{text}"
