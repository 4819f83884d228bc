"""T2: ``codo prepare`` end to end against a plain script around OpenCV's search, and how it scales to two processes.

    python -m benchmarks.prepare [--data DIR] [--images N]

The reference (`opencv_child.prepare`) decodes, checks, searches at full size, filters and dumps, on one thread; ours is
`codo.prepare` with its defaults (searched at 256 px) and one process. Both times are CPU seconds an image; the
reference sees every eighth image, as it takes a second for each. Scaling is wall-clock time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import codo
from benchmarks.command import run
from benchmarks.opencv_contrib import opencv
from benchmarks.pictures import photographs
from benchmarks.row import Check, Row
from benchmarks.timing import Pair, alternate, timed

EVERY = 8  # of the images that ours prepares, the reference prepares one
ROUNDS = 5


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--opencv", type=Path, help="a Python that has OpenCV contrib (default: one is made)")


def rows(options: argparse.Namespace) -> Iterator[Row]:
    codo.selective_search(np.zeros((64, 64, 3), np.uint8))  # compile
    with tempfile.TemporaryDirectory() as scratch, opencv(options.opencv) as contrib:
        folder = Path(scratch) / "photographs"
        files = photographs(options.data, folder, 16 if options.smoke else options.images)
        fresh = iter(range(1000))

        def prepare(jobs: int) -> codo.Catalog:
            return codo.prepare(folder, Path(scratch) / f"catalog-{next(fresh)}", jobs=jobs, progress=False)

        rounds = 1 if options.smoke else ROUNDS
        theirs, ours, kept = [], [], 0
        for number in range(rounds):
            few = files[:: EVERY * rounds] if options.smoke else files[number :: EVERY * rounds]
            boxes, seconds = contrib.prepare(few)
            kept += boxes
            theirs.append(seconds / len(few))
            ours.append(timed(prepare, 1) / len(files))
        catalog = prepare(1)
        yield Row(
            "T2",
            "codo prepare, one process",
            "ms/image",
            **Pair(theirs, ours).spreads(1e-3),
            reference_is=f"a script around OpenCV contrib {contrib.version}, searching at full size",
            least_ratio=20,
            checks=(
                Check(f"{len(catalog)} of {len(files)} images prepared", len(catalog) == len(files)),
                Check("every image has proposals", all(len(catalog.proposals(i)) for i in range(len(catalog)))),
                Check(f"the reference keeps {kept} boxes", kept > 0),
            ),
        )
        walls = alternate(lambda _: prepare(1), lambda _: prepare(2), range(rounds), clock=time.perf_counter)
        yield Row(
            "T2",
            f"codo prepare of {len(files)} images, two processes",
            "s",
            **walls.spreads(1),
            reference_is="codo prepare with one process, wall-clock time",
            least_ratio=1.8,
        )


if __name__ == "__main__":
    run(__doc__, rows, arguments)
