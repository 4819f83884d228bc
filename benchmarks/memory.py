"""T7: a catalog of 1.3 million images: how long it takes to open, and what a loader worker costs.

    python -m benchmarks.memory [--data DIR] [--rows N]

Opening is measured in fresh processes, imports left out, the file in the system's cache. A worker's memory is what
belongs to it alone (private pages, from ``/proc/PID/smaps_rollup``) after it has made its share of the batches, which
is to be the same for 1.3 million rows and for a thousand: all rows share a few dozen real images, so that the work is
the same too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.command import run
from benchmarks.large_catalog import IMAGENET, write_large
from benchmarks.pictures import photographs
from benchmarks.row import Check, Row, Spread

SMALL = 1000
WORKERS = 2


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=IMAGENET)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    count = 2 * SMALL if options.smoke else options.rows
    batches = 4 if options.smoke else 40
    with tempfile.TemporaryDirectory() as scratch:
        files = photographs(options.data, Path(scratch) / "photographs", 8 if options.smoke else 48)
        large = write_large(Path(scratch) / "large", files, count)
        small = write_large(Path(scratch) / "small", files, SMALL)
        seconds = [fresh(OPEN, large) for _ in range(1 if options.smoke else 5)]
        yield Row("T7", f"opening a catalog of {count:,} rows", "s", Spread.of([s["seconds"] for s in seconds]), most=2)

        of_large, of_small = (fresh(LOAD, folder, str(batches), str(WORKERS)) for folder in (large, small))
        grows = statistics.median(of_large["workers_mb"]) - statistics.median(of_small["workers_mb"])
        yield Row(
            "T7",
            f"private memory of a loader worker, {count:,} rows",
            "MB",
            Spread.of(of_large["workers_mb"]),
            most=300,
            checks=(Check(f"{grows:+.0f} MB from {SMALL:,} rows to {count:,}", abs(grows) < 30),),
            note=f"the main process has {of_large['main_mb']:.0f} MB resident, of which the workers share the rows",
        )


def fresh(code: str, *arguments: str | Path) -> dict[str, float | list[float]]:
    """Run a piece of Python in a process of its own; it prints one JSON object."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


OPEN = """
import json, sys, time
from codo.catalog.catalog import open_catalog
start = time.perf_counter()
catalog = open_catalog(sys.argv[1])
print(json.dumps({"seconds": time.perf_counter() - start}))
"""

LOAD = """
import json, multiprocessing, sys
import torch
from codo.loading.loader import build_loader
from codo.loading.sampler import StepSampler
from codo.training.pretrain_settings import PretrainSettings
from codo.training.pretrain_task import prepare_pretrain_task

def private_mb(pid):
    lines = dict(line.split(":") for line in open(f"/proc/{pid}/smaps_rollup").read().splitlines()[1:])
    return sum(int(lines[name].split()[0]) for name in ("Private_Clean", "Private_Dirty")) / 1000

folder, batches, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
settings = PretrainSettings(
    foregrounds=folder, backgrounds=[folder], out="unused", batch_size=32, steps=batches, workers=workers
)
dataset = prepare_pretrain_task(settings).dataset
sampler = StepSampler(len(dataset), settings.batch_size, settings.seed, start=0, stop=batches)
loader = build_loader(dataset, sampler, workers=workers, device=torch.device("cpu"))
batch = iter(loader)
for _ in range(batches - 2 * workers):  # the last ones are on their way: the workers still run
    next(batch)
found = [private_mb(worker.pid) for worker in multiprocessing.active_children()]
resident = int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
print(json.dumps({"workers_mb": found, "main_mb": resident}))
"""

if __name__ == "__main__":
    run(__doc__, rows, arguments)
