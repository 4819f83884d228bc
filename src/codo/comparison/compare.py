"""``codo compare``: which initialization gives the better detector, and is the difference beyond noise?

::

    OUT/compare.yaml      the resolved settings
    OUT/pretraining/…     a run for each initialization that is pretrained here, and each seed (see ``pretraining``)
    OUT/trials/…          a finetuning run for each trial (see ``trials``)
    OUT/logs/…            output of the worker processes, if there are several
    OUT/results.csv       every trial, every number
    OUT/summary.csv       means, standard deviations, differences with intervals
    OUT/costs.csv         cost and probe scores of each pretraining
    OUT/table.md          the paper's columns, costs, and the published numbers next to ours
    OUT/table.tex         the paper's columns, for LaTeX
    OUT/comparison.json   all of it for programs (see ``result_files``)
    OUT/report.html       one offline page

The same command resumes: it runs the trials that are missing. More initializations, fractions or seeds may be added.
The files are written after every trial, so that intermediate results can be read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import yaml

from codo.comparison.compare_settings import CompareSettings
from codo.comparison.comparison import Comparison
from codo.comparison.grid import Grid, make_grid
from codo.comparison.initializations import check_unchanged
from codo.comparison.jobs import Job
from codo.comparison.page import comparison_page
from codo.comparison.paper_table import costs_csv, markdown
from codo.comparison.pretraining import Pretraining, pretrainings, restrict_to_available
from codo.comparison.result_files import as_json, latex, old_comparison, read_initializations, results_csv, summary_csv
from codo.comparison.scheduler import run_in_process, run_in_workers
from codo.comparison.trials import Key, Trial
from codo.comparison.verdicts import summary
from codo.core.attempt import attempt_page
from codo.core.config import nest, resolve
from codo.core.errors import CodoError, InputError
from codo.core.io import remove_temporary, write_atomically
from codo.core.numbers import share
from codo.core.paths import absolute
from codo.core.recipe_width import without_recipe_width
from codo.core.run import Run
from codo.reporting.html.page import write_page
from codo.reporting.report import write_report
from codo.training.distributed import choose_device, worker_environments, world_size

DOCUMENT = "comparison.json"
_TABLES = {"results.csv", "summary.csv", "costs.csv", "table.md", "table.tex"}
_OURS = {"compare.yaml", "pretraining", "trials", "logs", *_TABLES, DOCUMENT, "report.html", ".lock"}
W = TypeVar("W", bound=Job)


def compare(recipe: str | Path | None = None, **overrides: Any) -> Comparison:
    """Finetune from several initializations, at several label fractions, with several seeds; the same call resumes.

    Args:
        recipe: Name of a shipped recipe of a comparison or a finetuning, or a YAML file.
        **overrides: Settings on top of it, nested or with dotted names: ``inits``, ``fractions``, ``seeds``, ``data``,
            ``out``, and every setting of `codo.finetune`.

    Returns:
        All numbers, with every trial finished.

    Raises:
        InputError: Invalid settings, data or weights; nothing has been written.
        Interrupted, Preempted: Stopped; the unfinished runs have checkpoints.
        CodoError: Some runs failed; the others are finished.

    Example:
        >>> import codo
        >>> comparison = codo.compare(
        ...     "finetune_laptop", data="labeled", inits=["none", "mine=runs/mine"], seeds=[0], out="runs/comparison"
        ... )
        >>> comparison.reference, comparison.challengers, len(comparison.results)
        ('none', ['mine'], 2)
    """
    given = nest(overrides)
    CompareSettings.refuse_settings_of_trials(given)
    settings, dropped = without_recipe_width(resolve(CompareSettings, recipe, given), given)
    settings = settings.model_copy(update={"out": absolute(settings.out)})
    out, model_overrides = Path(settings.out), given.get("model", {})
    if world_size() > 1:
        fix = "start codo compare without torchrun; it starts one process per GPU itself"
        raise InputError("a comparison cannot be run by torchrun", where="codo compare", fix=fix)
    check_folder(out)
    pretraining_jobs = pretrainings(settings, model_overrides)
    available = restrict_to_available(settings, pretraining_jobs, model_overrides)
    grid = make_grid(available, model_overrides)
    check_unchanged(
        grid.initializations,
        read_initializations(out / DOCUMENT),
        [trial for trial in grid.trials if trial.path.exists()],
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"cannot create the folder: {error.strerror}"
        raise InputError(what, where=str(out), fix="choose another out=") from error
    folder = Run(out)
    folder.lock()
    try:
        remove_temporary(out, others=True)
        write_atomically(out / "compare.yaml", _yaml(settings))
        _write_missing_reports(one.path for one in pretraining_jobs if one.finished)
        _write_missing_reports(one.path for one in grid.trials if one.result())
        # With the trunk that pretrainings will have, also where one fails before it has recorded anything.
        planned = settings.model_copy(update={"model": available.model})
        comparison = _run_missing(planned, pretraining_jobs, model_overrides, [f"{dropped}."] if dropped else [])
    finally:
        folder.unlock()
    return comparison


def check_folder(out: Path) -> None:
    """Check that the output folder is new, empty, or contains a comparison.

    Raises:
        InputError: It contains other files, or a comparison of an earlier version.
    """
    if out.exists() and not out.is_dir():
        raise InputError("out= is a file", where=str(out), fix="name a folder")
    names = {entry.name for entry in out.iterdir()} if out.is_dir() else set()
    if {"cells", "compare.yaml"} <= names:
        raise old_comparison(out)
    if "compare.yaml" in names and names & {"pretraining", "trials"}:
        return  # whatever a user has put beside it
    foreign = sorted(name for name in names - _OURS if not name.endswith(".tmp"))
    if foreign:
        what = f"out= is not empty and not a comparison (it contains {foreign[0]})"
        raise InputError(what, where=str(out), fix="choose an empty or new folder")


def _run_missing(
    settings: CompareSettings,
    pretraining_jobs: Sequence[Pretraining],
    model_overrides: Mapping[str, Any],
    told: Sequence[str],
) -> Comparison:
    """Run the missing pretrainings and trials; the report repeats what the user was ``told``.

    Raises:
        CodoError: Some runs failed; the message names them.
    """
    failed_inits: dict[str, str] = {}  # name of the initialization -> message
    failures: dict[Key, str] = {}
    seeds = settings.seeds
    for count in _rounds(len(seeds), len(pretraining_jobs), len(worker_environments(settings.jobs, settings.device))):
        jobs = [job for job in pretraining_jobs if job.seed in seeds[:count]]
        failed_inits |= _pretrain(settings, [job for job in jobs if not job.finished and job.init not in failed_inits])
        if next(iter(settings.inits)) in failed_inits:  # without the reference nothing can be compared
            break
        grid = _possible(settings.model_copy(update={"seeds": seeds[:count]}), jobs, failed_inits, model_overrides)
        grid = replace(grid, planned=tuple(seeds))
        notes = [*told, *_progress(pretraining_jobs), *(f"Failed: {message}." for message in failed_inits.values())]
        failures = _finetune(settings, grid, notes)
    if failed_inits or failures:
        trials = [
            f"{init}, {share(fraction)} of the labels, seed {seed}: {reason}"
            for (init, fraction, seed), reason in failures.items()
        ]
        messages = [*failed_inits.values(), *trials]
        what = f"{len(messages)} run{'s' if len(messages) > 1 else ''} failed\n  " + "\n  ".join(messages)
        fix = "fix the cause, then run the same command again: it retries the failed runs and keeps the finished ones"
        raise CodoError(what, where=settings.out, fix=fix)
    return Comparison.read(grid, {})


def _possible(
    settings: CompareSettings,
    jobs: Sequence[Pretraining],
    failed: Collection[str],
    model_overrides: Mapping[str, Any],
) -> Grid:
    """The grid without the trials whose pretraining has failed; those of its other seeds stay."""
    inits = {init: source for init, source in settings.inits.items() if init not in failed}
    grid = make_grid(settings.model_copy(update={"inits": inits}), model_overrides)
    for init in failed:
        if seeds := tuple(job.seed for job in jobs if job.init == init and job.finished):
            alone = {"inits": {init: settings.inits[init]}, "seeds": seeds}
            part = make_grid(settings.model_copy(update=alone), model_overrides)
            both = {**grid.initializations, **part.initializations}
            grid = replace(grid, trials=[*grid.trials, *part.trials], initializations=both)
    return grid


def _write_missing_reports(finished: Iterable[Path]) -> None:
    """Write the reports that finished runs lack, as the disk was full or the comparison was killed."""
    for path in finished:
        if not (path / "report.html").is_file():
            attempt_page(partial(write_report, Run(path)), "the same command again")


def _rounds(seeds: int, pretraining_jobs: int, workers: int) -> list[int]:
    """How many seeds are finished after each round of pretraining and finetuning.

    One seed after the other, so that a comparison that is interrupted has complete seeds; but at least as many at once
    as keep all workers busy.
    """
    if not pretraining_jobs:
        return [seeds]
    together = max(1, workers * seeds // pretraining_jobs)
    return [*range(together, seeds, together), seeds]


def _pretrain(settings: CompareSettings, missing: Sequence[Pretraining]) -> dict[str, str]:
    """Run pretrainings; returns the initializations that failed, with messages."""
    failed: dict[str, str] = {}

    def on_end(job: Pretraining, reason: str | None) -> None:
        if reason:
            failed[job.init] = f"{job}: {reason}"
        print(f"{job}: {f'failed: {reason}' if reason else 'finished'}", flush=True)

    if missing:
        seeds = ", ".join(str(seed) for seed in sorted({job.seed for job in missing}))
        print(f"{len(missing)} pretraining{'s' if len(missing) > 1 else ''} to run, of seed {seeds}", flush=True)
        _run(settings, missing, on_end, separate=True)  # so that peak memory is that of one pretraining
    return failed


def _finetune(settings: CompareSettings, grid: Grid, notes: Sequence[str]) -> dict[Key, str]:
    """Run the missing trials; returns those that failed, with the reasons."""
    failures: dict[Key, str] = {}
    missing = [trial for trial in grid.trials if trial.result() is None]
    print(f"{len(grid.trials)} trials, {len(missing)} to run", flush=True)

    def on_end(trial: Trial, reason: str | None) -> None:
        if reason:
            failures[trial.key] = reason
        result = trial.result()
        outcome = f"box AP {100 * result.numbers['bbox']['AP']:.1f}" if result else f"failed: {reason}"
        print(f"{trial}: {outcome}", flush=True)
        write()

    warned: set[str] = set()

    def write() -> None:
        warning = write_results(settings, Comparison.read(grid, failures, notes))
        if warning and warning not in warned:  # once, not after every trial
            print(f"WARNING {warning}", file=sys.stderr, flush=True)
            warned.add(warning)

    write()
    _run(settings, missing, on_end)
    return failures


def _run(
    settings: CompareSettings, jobs: Sequence[W], on_end: Callable[[W, str | None], None], separate: bool = False
) -> None:
    """Run jobs in this process, or in ``separate`` worker processes.

    On a GPU always in workers: after a CUDA error a process cannot be used any more.
    """
    environments = worker_environments(settings.jobs, settings.device)
    if separate or len(environments) > 1 or choose_device(settings.device).type == "cuda":
        run_in_workers(jobs, environments, Path(settings.out) / "logs", on_end)
    else:
        run_in_process(jobs, on_end)


def _progress(pretraining_jobs: Sequence[Pretraining]) -> list[str]:
    """A sentence if some pretrainings are not finished."""
    finished, total = sum(job.finished for job in pretraining_jobs), len(pretraining_jobs)
    return [] if finished == total else [f"{finished} of {total} pretrainings are finished."]


def write_results(settings: CompareSettings, comparison: Comparison) -> str | None:
    """Write the tables and the page of the finished trials; returns a warning if the page cannot be written."""
    out = comparison.out
    write_atomically(out / "results.csv", results_csv(comparison))
    write_atomically(out / "summary.csv", summary_csv(comparison))
    write_atomically(out / "table.tex", latex(comparison))
    write_atomically(out / "table.md", markdown(comparison))
    write_atomically(out / "costs.csv", costs_csv(comparison))
    write_atomically(out / DOCUMENT, as_json(comparison, read_initializations(out / DOCUMENT)))

    def write() -> None:
        write_page(comparison_page(comparison, out.name, settings.model_dump(mode="json")), out / "report.html")

    return attempt_page(write, "the same command again")


def closing_words(comparison: Comparison) -> str:
    """What the command prints at its end: the verdicts and the path of the report."""
    return "\n".join([*summary(comparison), "", f"report   {comparison.out / 'report.html'}"])


def _yaml(settings: CompareSettings) -> str:
    text = yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return f"# resolved settings of codo compare\n{text}"
