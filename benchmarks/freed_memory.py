"""S2: what keeping freed memory is worth to pretraining on a CPU (docs/performance.md#freed-memory).

    python -m benchmarks.freed_memory [--data DIR] [--runs N]

Pairs of runs of ``codo pretrain -c laptop``, one thread, in turn: as it is, and with glibc's own rules, which any
``MALLOC_…`` variable of the environment leaves in force. User and system time of the whole process, start-up included.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.command import run
from benchmarks.pictures import photographs
from benchmarks.row import Check, Row, Spread

CANVASES = (64, 128)
OWN = {"MALLOC_PERTURB_": "0"}
"""Chooses what is the default; ``MALLOC_CHECK_=0``, for example, makes glibc before 2.34 check every block."""


class Cost(NamedTuple):
    """CPU seconds, millions of page faults, peak memory in GB (Linux) and the printed losses of a process."""

    seconds: float
    faults: float
    gigabytes: float
    losses: tuple[str, ...]


def rows(options: argparse.Namespace) -> Iterator[Row]:
    steps, count = (2, 64) if options.smoke else (40, 200)
    with tempfile.TemporaryDirectory() as folder:
        pictures, catalog = Path(folder) / "pictures", Path(folder) / "catalog"
        photographs(options.data, pictures, count)
        cost(["prepare", str(pictures), "--out", str(catalog), "--pack", "160"])
        sources = [f"foregrounds={catalog}", f"backgrounds=[{catalog}]", "workers=0"]
        length = [f"steps={steps}", "optim.warmup_steps=1", "probe.every=0"]
        for canvas in CANVASES:
            command = ["pretrain", "-c", "laptop", *sources, *length, f"canvas={canvas}"]
            pairs = []
            for number in range(1 if options.smoke else options.runs):
                out = f"out={folder}/{canvas}-{number}"
                pairs.append((cost([*command, out]), cost([*command, f"{out}-own"], **OWN)))
            yield row(canvas, steps, pairs)


def row(canvas: int, steps: int, pairs: Sequence[tuple[Cost, Cost]]) -> Row:
    """The row of one canvas from pairs (kept, glibc's own rules)."""
    kept, own = zip(*pairs, strict=True)
    memory = Spread.of([a.gigabytes / b.gigabytes for a, b in pairs])
    return Row(
        "S2",
        f"freed memory kept, laptop at {canvas} pixels, {steps} steps",
        "CPU s",
        Spread.of([one.seconds for one in kept]),
        Spread.of([one.seconds for one in own]),
        "glibc's own rules",
        Spread.of([b.seconds / a.seconds for a, b in pairs]),
        checks=(Check("the losses are the same", all(a.losses == b.losses for a, b in pairs)),),
        note=f"page faults {sum(one.faults for one in kept) / len(kept):.2f} instead of "
        f"{sum(one.faults for one in own) / len(own):.2f} million, peak memory {memory}x",
    )


def cost(arguments: Sequence[str], **environment: str) -> Cost:
    """Run ``codo`` with these arguments and one thread."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    script = "import sys; from codo.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", script, *arguments]
    child = subprocess.Popen(
        command, env={**mine, "OMP_NUM_THREADS": "1", **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert child.stdout is not None
    printed = child.stdout.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"codo {' '.join(arguments)} ended with {child.returncode}:\n{printed}")
    losses = tuple(part.split()[0] for part in printed.split("loss=")[1:])
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_minflt / 1e6, usage.ru_maxrss / 1e6, losses)


def _runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs", type=int, default=5, help="pairs of runs (default 5)")


if __name__ == "__main__":
    run(__doc__, rows, _runs)
