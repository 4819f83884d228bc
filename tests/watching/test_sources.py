"""Pages of runs are built, those of comparisons taken as they are; both tell how far they have come."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codo.core.errors import InputError
from codo.core.run import Run
from codo.watching.sources import ComparisonSource, RunSource, open_source
from tests.reporting.conftest import finetune_config, finetune_rows

MakeRun = Callable[..., Run]
Rows = list[dict[str, Any]]


def compared(folder: Path, *states: str) -> Path:
    folder.mkdir()
    (folder / "comparison.json").write_text(json.dumps({"trials": [{"state": state} for state in states]}))
    (folder / "report.html").write_text("<body>the page</body>")
    return folder


def test_a_run_in_progress_says_so(make_run: MakeRun, healthy: Rows) -> None:
    source = open_source(make_run(healthy[:20]).path)
    assert isinstance(source, RunSource)
    progress = source.progress()
    html = source.html(progress)
    assert (progress.step, progress.planned) == (20, 40)
    assert "Run the same command again to resume" in html
    assert not (source.run.path / "report.html").exists()  # nothing is written


def test_a_finetuning_run(make_run: MakeRun, labeled: Path) -> None:
    run = make_run(finetune_rows(), finetune_config(labeled), "finetune")
    source = open_source(run.path)
    assert "Box AP 23.5" in source.html(source.progress())


def test_a_long_log_is_not_read_at_every_look(
    make_run: MakeRun, healthy: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, now, reads = make_run(healthy[:20]), [0.0], []

    def metrics(self: Run) -> Rows:
        reads.append(now[0])
        now[0] += 2  # reading takes two seconds
        return healthy[: 20 + len(reads)]

    monkeypatch.setattr(Run, "metrics", metrics)
    monkeypatch.setattr("codo.watching.sources.time.monotonic", lambda: now[0])
    source = RunSource(run)
    for _ in range(100):
        with run.metrics_file.open("a") as file:
            file.write("\n")
        source.progress()
        now[0] += 1
    assert len(reads) * 2 <= 0.12 * now[0]
    assert source.progress().step == 20 + len(reads)


def test_the_signature_changes_with_the_log(make_run: MakeRun, healthy: Rows) -> None:
    run = make_run(healthy[:20])
    source = open_source(run.path)
    before = source.signature()
    assert source.signature() == before
    with run.metrics_file.open("a") as file:
        file.write(json.dumps(healthy[20]) + "\n")
    assert source.signature() != before


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (["finished", "finished"], "finished: trial 2 of 2"),
        (["finished", "missing"], "stopped: trial 1 of 2"),
    ],
)
def test_a_comparison(tmp_path: Path, states: list[str], words: str) -> None:
    source = open_source(compared(tmp_path / "out", *states))
    assert isinstance(source, ComparisonSource)
    progress = source.progress()
    assert str(progress) == words
    assert "the page" in source.html(progress)


def test_a_comparison_that_is_being_written(tmp_path: Path) -> None:
    folder = compared(tmp_path / "out", "missing")
    (folder / "comparison.json").write_text("{")
    assert open_source(folder).progress().step == 0


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such run"):
        open_source(tmp_path / "gone")
    with pytest.raises(InputError, match="not a run, nor a comparison"):
        open_source(tmp_path)
    (tmp_path / "compare.yaml").write_text("")
    with pytest.raises(InputError, match="no page yet"):
        open_source(tmp_path)
