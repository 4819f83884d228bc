"""What is followed: a run, whose page is built here from its files, or a comparison, which writes its page itself."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from codo.advice.progress import Progress, State
from codo.core.errors import InputError
from codo.core.run import Run, is_run
from codo.evaluation.run_metrics import Metrics
from codo.reporting.html.page import render
from codo.reporting.report import run_report

Signature = tuple[object, ...]

_RUN_FILES = ("metrics.jsonl", "train.log", "detections_val.json", "load_report.txt", "views.json", "report.html")
_DOCUMENT = "comparison.json"

REST = 9.0
"""Seconds of rest for each second of reading logs or building pages, so that watching hardly slows the run."""


class Source(Protocol):
    """Something whose page can be followed."""

    def progress(self) -> Progress:
        """How far it has come."""

    def signature(self) -> Signature:
        """Changes when the page does."""

    def html(self, progress: Progress) -> str:
        """The page."""


def open_source(path: str | Path) -> Source:
    """The source of a run or a comparison.

    Raises:
        InputError: ``path`` is neither, or a comparison that has not written its page yet.
    """
    folder = Path(path)
    if is_run(folder):
        return RunSource(Run(folder))
    if (folder / _DOCUMENT).is_file() and (folder / "report.html").is_file():
        return ComparisonSource(folder)
    if (folder / "compare.yaml").is_file():
        what = "the comparison has no page yet: it is written before the first trial, after the pretrainings"
        raise InputError(what, where=str(path), fix="try again later, or follow one of its runs")
    what = "not a run, nor a comparison" if folder.exists() else "no such run"
    raise InputError(what, where=str(path), fix="give the out= folder of codo pretrain, finetune or compare")


class RunSource:
    """The report of a pretraining or finetuning run.

    Args:
        run: The run; another process may be writing to it.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._metrics = Metrics([])
        self._read: Signature | None = None
        self._rest_until = -math.inf

    def progress(self) -> Progress:
        """How far the run has come; a long log is not read at every look."""
        began, log = time.monotonic(), _signature([self.run.metrics_file])
        if log != self._read and began >= self._rest_until:
            self._metrics, self._read = Metrics(self.run.metrics()), log
            self._rest_until = time.monotonic() + REST * (time.monotonic() - began)
        return Progress.watch(self.run, self._metrics)

    def signature(self) -> Signature:
        """Times and sizes of the files that the report is made of."""
        return _signature([self.run.path / name for name in _RUN_FILES])

    def html(self, progress: Progress) -> str:
        """The report, built anew."""
        return render(run_report(self.run, progress))


class ComparisonSource:
    """The page of a comparison, which ``codo compare`` writes after every trial.

    Args:
        folder: Its folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def progress(self) -> Progress:
        """Finished trials as steps."""
        try:
            trials = json.loads((self.folder / _DOCUMENT).read_text(encoding="utf-8"))["trials"]
        except (OSError, ValueError, KeyError):
            trials = []
        done = sum(trial.get("state") == "finished" for trial in trials)
        busy = Run(self.folder).busy
        state: State = "running" if busy else "finished" if trials and done == len(trials) else "stopped"
        return Progress(state, done, len(trials), unit="trial")

    def signature(self) -> Signature:
        """Time and size of the page."""
        return _signature([self.folder / "report.html"])

    def html(self, progress: Progress) -> str:
        """The page as it was written."""
        return (self.folder / "report.html").read_text(encoding="utf-8")


def _signature(files: Sequence[Path]) -> Signature:
    found: list[tuple[int, int] | None] = []
    for file in files:
        try:
            status = file.stat()
        except OSError:
            found.append(None)
        else:
            found.append((status.st_mtime_ns, status.st_size))
    return tuple(found)
