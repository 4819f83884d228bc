"""A process of a comparison from the outside: exit codes, and the end of its parent."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from codo.comparison import jobs
from codo.comparison.comparison import Comparison
from codo.core.run import Run


def test_a_process_stops_with_its_parent(done: Comparison, tmp_path: Path) -> None:
    """The end of its input is all that a process gets when the comparison is killed."""
    changes = {"out": str(tmp_path / "trial"), "steps": 100_000, "workers": 1}
    order = jobs.JobSpec("finetune", done.trials[0].settings.model_copy(update=changes), tmp_path / "trial")
    command = [sys.executable, "-m", "codo.comparison.worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        process.stdin.write(jobs.serialize(order))
        process.stdin.flush()
        deadline = time.monotonic() + 120
        while not Run(tmp_path / "trial").metrics() and time.monotonic() < deadline:  # until it has done a step
            time.sleep(0.01)
        process.stdin.close()
        assert process.wait(120) == 143
    assert Run(tmp_path / "trial").checkpoints()
    assert not Run(tmp_path / "trial").busy


def test_collection_passes_over_its_imports() -> None:
    code = "import codo.comparison.worker, gc; print(gc.get_freeze_count() > 100_000)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "True\n"


def test_an_error_is_printed_as_the_command_line_prints_it(done: Comparison, tmp_path: Path) -> None:
    gone = done.trials[0].settings.model_copy(update={"out": str(tmp_path / "trial"), "weights": "/gone.pth"})
    order = jobs.serialize(jobs.JobSpec("finetune", gone, tmp_path / "trial"))
    command = [sys.executable, "-m", "codo.comparison.worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(order)
        process.stdin.flush()  # and stays open: its end would mean that this process is gone
        assert process.wait(60) == 2
        printed = process.stderr.read().splitlines()
    first, where, fix = printed[-3:]
    assert first.startswith("codo: ")
    assert "/gone.pth" in first
    assert where == "  where: weights"
    assert fix.startswith("  fix:")
    assert not (tmp_path / "trial").exists()
