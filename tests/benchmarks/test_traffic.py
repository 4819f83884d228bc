"""What really crosses the process group in a step on 2 and 4 ranks is what `codo plan` calculates, and no image."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.row import Row

ROOT = Path(__file__).parents[2]


def test_two_and_four_ranks_send_what_the_formulas_say(tmp_path: Path) -> None:
    # In a process of its own: it forks, which a process that has run a backward pass must not.
    command = [sys.executable, "-m", "benchmarks.traffic", "--json", str(tmp_path / "rows.json")]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [Row.from_dict(data) for data in json.loads((tmp_path / "rows.json").read_text())]
    assert [row.what.partition(",")[0] for row in rows] == ["gradients", "keys", "all else"] * 2
    assert all(row.passed for row in rows), [row.note for row in rows]
    assert all(row.ours.median > 0 for row in rows if row.checks)
