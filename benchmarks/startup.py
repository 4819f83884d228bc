"""T9: what looking costs: ``codo --help`` as a whole process, and ``import codo``.

    python -m benchmarks.startup

CPU time of the processes: on an idle machine that is what a user waits, once the files have been read before.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.command import run
from benchmarks.row import Check, Row, Spread

IMPORT = """
import sys, time
start = time.process_time()
import codo
print(time.process_time() - start, int("torch" in sys.modules))
"""


def rows(options: argparse.Namespace) -> Iterator[Row]:
    times = 2 if options.smoke else 21
    help_ = [child_seconds([sys.executable, "-m", "codo.cli", "--help"]) for _ in range(times)]
    yield Row("T9", "codo --help", "s", Spread.of(help_), most=0.3)
    printed = [
        subprocess.run([sys.executable, "-c", IMPORT], check=True, capture_output=True, text=True).stdout.split()
        for _ in range(times)
    ]
    yield Row(
        "T9",
        "import codo",
        "s",
        Spread.of([float(seconds) for seconds, _ in printed]),
        most=0.1,
        checks=(Check("torch is not imported", all(loaded == "0" for _, loaded in printed)),),
    )


def child_seconds(command: list[str]) -> float:
    """CPU time of a child process, from its start to its end."""

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return spent() - before


if __name__ == "__main__":
    run(__doc__, rows)
