"""``codo compare``: which initialization gives the better detector, and is the difference beyond noise?

::

    OUT/compare.yaml      the settings, resolved
    OUT/pretraining/…     a run for each initialization that is pretrained here, and each seed (see ``pretraining``)
    OUT/trials/…           a finetuning run for each trial (see ``trials``)
    OUT/logs/…            what the processes of the trials printed, where they had their own
    OUT/results.csv       every trial, every number
    OUT/summary.csv       means, spreads, differences with intervals
    OUT/costs.csv         what each initialization has cost, and what its probes say
    OUT/table.md          the paper's columns, costs, and published numbers beside ours
    OUT/table.tex         the paper's columns, for LaTeX
    OUT/comparison.json   all of it for programs (see ``tables``)
    OUT/report.html       one offline page

The same command goes on with the trials that are missing; more initializations, fractions or seeds may be added. The
files are written after every trial, so that a comparison can be read while it is at work.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
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
from codo.comparison.pretraining import Pretraining, at_hand, pretrainings
from codo.comparison.result_files import as_json, latex, read_initializations, results_csv, summary_csv
from codo.comparison.scheduler import run_in_process, run_in_workers
from codo.comparison.trials import Key, Trial
from codo.comparison.verdicts import summary
from codo.core.config import nest, resolve
from codo.core.errors import CodoError, InputError
from codo.core.io import write_atomically
from codo.core.numbers import share
from codo.core.paths import absolute
from codo.core.run import Run
from codo.reporting.attempt import attempt_page
from codo.reporting.html.page import write_page
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
            ``out``, and everything that `codo.finetune` knows.

    Returns:
        All numbers, with every trial finished.

    Raises:
        InputError: Bad settings, data or weights; nothing has been written.
        Interrupted, Preempted: Asked to stop; the runs at work have checkpoints.
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
    settings = resolve(CompareSettings, recipe, given)
    settings = settings.model_copy(update={"out": absolute(settings.out)})
    out, demanded = Path(settings.out), given.get("model", {})
    if world_size() > 1:
        fix = "start codo compare alone; it starts a process for each GPU itself"
        raise InputError("a comparison cannot be run by torchrun", where="codo compare", fix=fix)
    check_folder(out)
    wanted = pretrainings(settings, demanded)
    grid = make_grid(at_hand(settings, wanted), demanded)
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
        write_atomically(out / "compare.yaml", _yaml(settings))
        comparison = _do(settings, wanted, demanded)
    finally:
        folder.unlock()
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


def _do(settings: CompareSettings, wanted: Sequence[Pretraining], demanded: Mapping[str, Any]) -> Comparison:
    """Do what is missing.

    Raises:
        CodoError: Some runs failed; the message names them.
    """
    broken: dict[str, str] = {}  # name of the initialization -> what failed
    failures: dict[Key, str] = {}
    # Where there is pretraining to do, one seed after the other: cut short, there are whole seeds.
    seeds = settings.seeds
    for count in range(1, len(seeds) + 1) if wanted else [len(seeds)]:
        due = [one for one in wanted if one.seed in seeds[:count]]
        broken |= _pretrain(settings, [one for one in due if not one.done and one.init not in broken])
        if next(iter(settings.inits)) in broken:  # without the reference there is nothing to say
            break
        left = {init: source for init, source in settings.inits.items() if init not in broken}
        grid = make_grid(settings.model_copy(update={"seeds": seeds[:count], "inits": left}), demanded)
        failures = _finetune(settings, grid, [*_progress(wanted), *(f"Failed: {why}." for why in broken.values())])
    if broken or failures:
        trials = [
            f"{init}, {share(at)} of the labels, seed {seed}: {why}" for (init, at, seed), why in failures.items()
        ]
        named = [*broken.values(), *trials]
        what = f"{len(named)} run{'s' if len(named) > 1 else ''} failed\n  " + "\n  ".join(named)
        fix = "mend it; the same command tries them again, finished ones stay"
        raise CodoError(what, where=settings.out, fix=fix)
    return Comparison.read(grid, {})


def _pretrain(settings: CompareSettings, missing: Sequence[Pretraining]) -> dict[str, str]:
    """Do the pretrainings; returns the initializations that failed, with what and why."""
    broken: dict[str, str] = {}

    def done(one: Pretraining, reason: str | None) -> None:
        if reason:
            broken[one.init] = f"{one}: {reason}"
        print(f"{one}: {f'failed: {reason}' if reason else 'done'}", flush=True)

    if missing:
        print(f"{len(missing)} pretrainings to do", flush=True)
        _run(settings, missing, done, apart=True)  # so that the memory of each is its own
    return broken


def _finetune(settings: CompareSettings, grid: Grid, notes: Sequence[str]) -> dict[Key, str]:
    """Do the trials that are missing; returns those that failed, with the reasons."""
    failures: dict[Key, str] = {}
    missing = [trial for trial in grid.trials if trial.result() is None]
    print(f"{len(grid.trials)} trials, {len(missing)} to do", flush=True)

    def done(trial: Trial, reason: str | None) -> None:
        if reason:
            failures[trial.key] = reason
        result = trial.result()
        said = f"box AP {100 * result.numbers['bbox']['AP']:.1f}" if result else f"failed: {reason}"
        print(f"{trial}: {said}", flush=True)
        write()

    told: set[str] = set()

    def write() -> None:
        failed = write_results(settings, Comparison.read(grid, failures, notes))
        if failed and failed not in told:  # once, not after every trial
            print(f"WARNING {failed}", file=sys.stderr, flush=True)
            told.add(failed)

    write()
    _run(settings, missing, done)
    return failures


def _run(
    settings: CompareSettings, works: Sequence[W], done: Callable[[W, str | None], None], apart: bool = False
) -> None:
    """Here, or in processes of their own.

    On a GPU always apart: an error there can leave a process that nothing else can be done in.
    """
    spots = worker_environments(settings.jobs, settings.device)
    if apart or len(spots) > 1 or choose_device(settings.device).type == "cuda":
        run_in_workers(works, spots, Path(settings.out) / "logs", done)
    else:
        run_in_process(works, done)


def _progress(wanted: Sequence[Pretraining]) -> list[str]:
    """A sentence where not all has been pretrained."""
    there = sum(one.done for one in wanted)
    return [] if there == len(wanted) else [f"{there} of {len(wanted)} pretrainings are finished; the rest is to come."]


def write_results(settings: CompareSettings, comparison: Comparison) -> str | None:
    """Write the tables and the page of what is there; returns why there is no page, where it fails."""
    out = comparison.out
    write_atomically(out / "results.csv", results_csv(comparison))
    write_atomically(out / "summary.csv", summary_csv(comparison))
    write_atomically(out / "table.tex", latex(comparison))
    write_atomically(out / "table.md", markdown(comparison))
    write_atomically(out / "costs.csv", costs_csv(comparison))
    write_atomically(out / DOCUMENT, as_json(comparison))

    def write() -> None:
        write_page(comparison_page(comparison, out.name, settings.model_dump(mode="json")), out / "report.html")

    return attempt_page(write, "the same command again")


def closing_words(comparison: Comparison) -> str:
    """What the command prints at its end: the sentences, and where to look."""
    return "\n".join([*summary(comparison), "", f"report   {comparison.out / 'report.html'}"])


def _yaml(settings: CompareSettings) -> str:
    text = yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return f"# settings of this codo compare, resolved\n{text}"
