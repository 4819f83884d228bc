"""Running, stopped or finished: from the lock, the log and the report."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codo.advice import progress as module
from codo.advice.progress import Progress, has_locks
from codo.core.run import Run
from codo.evaluation.run_metrics import Metrics

MakeRun = Callable[..., Run]
HOLD = (
    "import sys\nfrom pathlib import Path\nfrom codo.core.run import Run\n"
    "run = Run(Path(sys.argv[1]))\nrun.lock()\nprint(flush=True)\ninput()"
)


def metrics(steps: int) -> Metrics:
    return Metrics({"step": step, "time/images_per_s": 64.0} for step in range(1, steps + 1))


def rows(steps: int) -> list[dict[str, Any]]:
    return metrics(steps).rows


@pytest.mark.parametrize(("steps", "state"), [(40, "finished"), (39, "stopped"), (0, "stopped")])
def test_a_log_that_reaches_the_last_step_is_finished(steps: int, state: str) -> None:
    assert Progress.of_log(metrics(steps), {"steps": 40}).state == state


def test_a_run_that_ended_early_is_finished() -> None:
    assert Progress.of_log(metrics(10), {"steps": 40}, ended=True).state == "finished"


def test_a_held_lock_is_a_run_that_goes_on(make_run: MakeRun) -> None:
    run = make_run(rows(10))
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        found = Progress.watch(run, Metrics(run.metrics()))
        assert found.state == "running"
        # 30 steps of 32 samples with 2 views, at 64 images a second
        assert found.left == pytest.approx(30)
        assert str(found) == "running: step 10 of 40, about 30 s left"
        assert found.suggestion() is not None
        holder.kill()
    assert Progress.watch(run, Metrics(run.metrics())).state == "stopped"


def test_a_report_newer_than_the_log_is_the_end(make_run: MakeRun) -> None:
    run = make_run(rows(10))  # fewer than planned: it may have ended early
    (run.path / "report.html").write_text("x")
    assert Progress.watch(run, Metrics(run.metrics())).state == "finished"
    os.utime(run.path / "report.html", (1, 1))  # of an earlier end, before more steps were added
    assert Progress.watch(run, Metrics(run.metrics())).state == "stopped"


def test_without_locks_a_log_that_grows_is_a_run_that_goes_on(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(rows(10))
    monkeypatch.setattr(module, "has_locks", lambda folder: False)
    assert Progress.watch(run, Metrics(run.metrics())).state == "running"
    old = run.metrics_file.stat().st_mtime - 2 * module.QUIET
    os.utime(run.metrics_file, (old, old))
    assert Progress.watch(run, Metrics(run.metrics())).state == "stopped"


def test_locks_are_tried_where_the_run_is(tmp_path: Path) -> None:
    assert has_locks(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert not has_locks(tmp_path / "gone")


@pytest.mark.parametrize(
    ("progress", "words", "kind"),
    [
        (Progress("running", None, 40), "starting", "wait"),
        (Progress("stopped", None, 40), "stopped before the first step", "resume"),
        (Progress("stopped", 12, 1200), "stopped: step 12 of 1,200", "resume"),
        (Progress("finished", 4, 4, unit="trial"), "finished: trial 4 of 4", None),
    ],
)
def test_words(progress: Progress, words: str, kind: str | None) -> None:
    assert str(progress) == words
    suggestion = progress.suggestion()
    assert (suggestion.kind if suggestion else None) == kind
