"""A batch of mutants: made, given to child processes with limits, and what became of each."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import hypothesis

from benchmarks.fuzzing.formats import CRASH, FAILURE, HANG, Format, Given, Mutant, Outcome
from benchmarks.fuzzing.values import VALUES

HALVINGS = 30
"""After so many, what crashes together is not told apart any more."""

WALL = 10
"""Seconds by the clock for one of CPU time after which a process that does not compute hangs too."""


def make(form: Format, seeds: Sequence[bytes], seed: str, count: int) -> list[Mutant]:
    """Mutants of a batch; the same for the same seed."""
    rng = Random(f"{form.name} {seed}")
    values = drawn(rng.randrange(2**32))
    return [form.mutate(rng, seeds, values) for _ in range(count)]


def drawn(seed: int, count: int = 100) -> list[object]:
    """Values that Hypothesis draws of its strategy, the same for the same seed."""
    found: list[object] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(VALUES)
    def collect(value: object) -> None:
        found.append(value)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        collect()
    return found


class Batch:
    """Runs mutants of a format in child processes below a folder, which is emptied first.

    Args:
        form: The format.
        seeds: Its valid files.
        folder: Scratch; the children have it as their home and temporary folder.
    """

    def __init__(self, form: Format, seeds: Sequence[Path], folder: Path) -> None:
        self.form, self.seeds, self.folder, self.halvings = form, list(seeds), folder, 0
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("mutants", "out", "home", "tmp"):
            (folder / name).mkdir(parents=True)

    def write(self, mutants: Sequence[Mutant]) -> list[Given]:
        """The mutants as files."""
        given = []
        for number, mutant in enumerate(mutants):
            path = self.folder / "mutants" / f"{number:06d}{self.form.suffix}"
            path.write_bytes(mutant.data)
            given.append(Given(path, mutant.expected, self.seeds[0].parent))
        return given

    def run(self, given: Sequence[Given]) -> list[Outcome]:
        """The outcome of each mutant, those that crash or hang included."""
        outcomes: list[Outcome] = []
        if self.form.together:
            return self._halved(given)
        while len(outcomes) < len(given):
            told, end = self._child(given[len(outcomes) :])
            outcomes += told
            if len(outcomes) < len(given):
                outcomes.append(end)
        return outcomes

    def _halved(self, given: Sequence[Given]) -> list[Outcome]:
        told, end = self._child(given)
        if len(told) == len(given) and (len(given) == 1 or not all(one == told[0] for one in told[1:])):
            return told
        if len(told) == len(given) and told[0].kind != FAILURE:
            return told
        if len(given) == 1:
            return told or [end]
        self.halvings += 1
        if self.halvings > HALVINGS:
            return [told[0] if told else end] * len(given)
        half = len(given) // 2
        return [*self._halved(given[:half]), *self._halved(given[half:])]

    def _child(self, given: Sequence[Given]) -> tuple[list[Outcome], Outcome]:
        """Outcomes of the first mutants, and that of the next one if the process did not get through."""
        out, log, job = (self.folder / name for name in ("out", "log.jsonl", "job.json"))
        shutil.rmtree(out)
        out.mkdir()
        log.write_text("")
        mutants = [(str(one.path), one.expected) for one in given]
        job.write_text(
            json.dumps(
                {
                    "format": self.form.name,
                    "mutants": mutants,
                    "seeds": [str(path) for path in self.seeds],
                    "out": str(out),
                    "log": str(log),
                }
            )
        )
        before = self._listing()
        with (self.folder / "stderr.txt").open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.fuzzing.child", str(job)],
                env=self._environment(),
                stdout=stderr,
                stderr=stderr,
            )
            hung = self._wait(process, log)
        told, begun = _read(log)
        if process.returncode and not begun:
            raise SystemExit((self.folder / "stderr.txt").read_text(errors="replace")[-3000:])
        if stray := self._listing() - before:
            told = [Outcome(FAILURE, f"write: {min(stray)}")] * len(given)
        ended = f"exit {process.returncode}" if process.returncode >= 0 else signal.Signals(-process.returncode).name
        return told, Outcome(HANG, f"over {self.form.seconds:g} s") if hung else Outcome(CRASH, ended)

    def _wait(self, process: subprocess.Popen[bytes], log: Path) -> bool:
        """Wait for the end; whether the process made no progress and was killed."""
        size, computed, moved = -1, 0.0, time.monotonic()
        while process.poll() is None:
            time.sleep(0.05)
            now = log.stat().st_size
            if now != size:
                size, computed, moved = now, _cpu_seconds(process.pid), time.monotonic()
            elif (
                _cpu_seconds(process.pid) - computed > self.form.seconds
                or time.monotonic() - moved > WALL * self.form.seconds
            ):
                process.kill()
                process.wait()
                return True
        return False

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "XDG_CACHE_HOME": str(self.folder / "home" / ".cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            # Kernels that are compiled while mutants are read are written outside of what is compared.
            "NUMBA_CACHE_DIR": str(self.folder.parents[1] / "kernels"),
            "TORCHINDUCTOR_CACHE_DIR": str(self.folder.parents[1] / "kernels" / "torch"),
        }

    def _listing(self) -> set[str]:
        """Every path of the scratch folder outside of ``out``, and what lies beside it."""
        inside = {
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if path.relative_to(self.folder).parts[0] not in ("out", "stderr.txt")
        }
        return inside | {f"../{path.name}" for path in self.folder.parent.iterdir()}


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _read(log: Path) -> tuple[list[Outcome], bool]:
    """The outcomes in a log, and whether a mutant was begun at all."""
    rows: list[list[Any]] = [json.loads(line) for line in log.read_text().splitlines()]
    return [Outcome(row[1], row[2]) for row in rows if len(row) == 3], bool(rows)
