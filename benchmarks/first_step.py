"""Start and end of a short run: ``codo pretrain -c laptop`` to its first step on 3,600 pictures, and the whole process.

    python -m benchmarks.first_step [--data DIR] [--rounds N]

Wall-clock time on prepared catalogs, kernels compiled before. The reference of the second row ends as the interpreter
would by itself, which takes all modules apart.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import codo
from benchmarks.command import run
from benchmarks.pictures import photographs
from benchmarks.row import Check, Row, Spread

PICTURES, SCENES, SIDE = 3600, 400, 160
PROGRAM = "import sys; from codo.cli import program; sys.exit(program())"
ENDED_BY_PYTHON = (
    "import sys; from codo.cli import settled_code; from codo.core.interpreter import keep_imports; "
    "keep_imports(); sys.exit(settled_code())"
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=7)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as scratch:
        for name, count in (("pictures", PICTURES), ("scenes", SCENES)):
            folder = Path(scratch) / name
            photographs(options.data, folder, 64 if options.smoke else count, longest=240)
            codo.prepare(folder, f"{folder}.catalog", pack=SIDE, propose=name == "pictures", progress=False)
        command = ["pretrain", "-c", "laptop", f"foregrounds={scratch}/pictures.catalog"]
        command += [f"backgrounds=[{scratch}/pictures.catalog,{scratch}/scenes.catalog]", "steps=2", "log.every=1"]
        steps, wholes, by_python = [], [], []
        for number in range(1 + (1 if options.smoke else options.rounds)):  # the first compiles, and does not count
            sides = {"ours": PROGRAM, "reference": ENDED_BY_PYTHON}
            took = {
                side: seconds(sides[side], [*command, f"out={scratch}/{side}-{number}"])
                for side in sorted(sides, reverse=number % 2 == 1)
            }
            if number:
                steps.append(took["ours"][0])
                wholes.append(took["ours"][1])
                by_python.append(took["reference"][1])
    yield Row("start", "codo pretrain -c laptop, to the end of its first step", "s", Spread.of(steps), most=5)
    yield Row(
        "start",
        "codo pretrain -c laptop, two steps",
        "s",
        Spread.of(wholes),
        Spread.of(by_python),
        "the same, ended by the interpreter",
        Spread.of([theirs / ours for ours, theirs in zip(wholes, by_python, strict=True)]),
        checks=(Check("faster", options.smoke or sum(wholes) < sum(by_python)),),
    )


def seconds(program: str, command: list[str]) -> tuple[float, float]:
    """Wall-clock time of a run from the start of its process to its first step, and to the end of the process."""
    began = time.perf_counter()
    first = None
    with subprocess.Popen(
        [sys.executable, "-u", "-c", program, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if first is None and line.startswith("step 1/"):
                first = time.perf_counter() - began
    if process.returncode or first is None:
        raise SystemExit(
            f"exit code {process.returncode}, the first step ended after {first} s:\n{''.join(lines[-10:])}"
        )
    return first, time.perf_counter() - began


if __name__ == "__main__":
    run(__doc__, rows, arguments)
