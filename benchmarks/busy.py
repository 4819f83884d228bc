"""S5: pretraining on a CPU beside other busy processes, by how OpenMP's threads wait for each other.

    python -m benchmarks.busy [--data DIR] [--rounds 3] [--steps 60] [--others 0 1 2] [--waiting NAME=VALUE ...]

``codo pretrain -c laptop`` with as many threads as there are cores, in turn: as the command line starts it, by OpenMP's
own rule (threads that wait spin), and with other variables given by ``--waiting``. Each beside 0, 1 and 2 processes of
pure Python that never rest. The rate is the median over the run's log lines after the first.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.command import run
from benchmarks.pictures import photographs
from benchmarks.row import Row, Spread

OWN = "OMP_WAIT_POLICY"
"""The variable that leaves OpenMP's own rule in force, when it is set to nothing."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--others", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--waiting", nargs="*", default=[], metavar="NAME=VALUE")


def rows(options: argparse.Namespace) -> Iterator[Row]:
    steps, rounds = (20, 1) if options.smoke else (options.steps, options.rounds)
    sides = {"as it is": {}, "OpenMP's own rule": {"GOMP_SPINCOUNT": ""}}
    sides |= {one: dict([one.split("=")]) for one in options.waiting}
    with tempfile.TemporaryDirectory() as folder:
        pictures, catalog = Path(folder) / "pictures", Path(folder) / "catalog"
        photographs(options.data, pictures, 64 if options.smoke else 200)
        codo(["prepare", str(pictures), "--out", str(catalog), "--pack", "160"])
        command = ["pretrain", "-c", "laptop", f"foregrounds={catalog}", f"backgrounds=[{catalog}]", "workers=0"]
        command += [f"steps={steps}", "optim.warmup_steps=1", "probe.every=0"]
        idle: list[float] = []
        for others in options.others:
            rates: dict[str, list[float]] = {side: [] for side in sides}
            with busy(others):
                for number in range(rounds):
                    for side, environment in sides.items():
                        out = f"{folder}/{others}-{number}-{len(rates[side])}-{list(sides).index(side)}"
                        codo([*command, f"out={out}"], **environment)
                        rates[side].append(rate(Path(out)))
            if not others:
                idle = rates["OpenMP's own rule"]
            yield from compared(others, rates, idle)


def compared(others: int, rates: dict[str, list[float]], idle: Sequence[float]) -> Iterator[Row]:
    """A row for every way of waiting, against OpenMP's own rule beside the same processes."""
    own = rates.pop("OpenMP's own rule")
    for side, found in rates.items():
        share = f"; {statistics.median(found) / statistics.median(idle):.2f} of OpenMP's own rate alone" if idle else ""
        yield Row(
            "S5",
            f"laptop, {side}, beside {others} busy processes",
            "ms a sample",
            Spread.of([1000 / one for one in found]),
            Spread.of([1000 / one for one in own]),
            "OpenMP's own rule",
            Spread.of([b / a for a, b in zip(own, found, strict=True)]),
            least_ratio=None if others else 0.97,
            note=f"{statistics.median(found):.0f} samples/s{share}",
        )


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep ``count`` processes running meanwhile."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def rate(run: Path) -> float:
    """Samples a second of a run: the median of its log lines after the first."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    rates = [line["time/images_per_s"] for line in lines if "time/images_per_s" in line]
    return statistics.median(rates[1:] or rates)


def codo(arguments: Sequence[str], **environment: str) -> None:
    """Run ``codo`` with these arguments and the machine's own number of threads."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "KMP_"))}
    script = "import sys; from codo.cli import main; sys.exit(main())"
    subprocess.run(
        [sys.executable, "-c", script, *arguments], check=True, capture_output=True, env={**kept, **environment}
    )


if __name__ == "__main__":
    run(__doc__, rows, arguments)
