"""T1: selective search against OpenCV contrib's, image by image on one thread, and whether it finds as much.

    python -m benchmarks.proposals [--data DIR] [--images N]

Both search the same pixels at a longest side of 500 and of 256 in ``fast`` mode. MABO is the mean over objects of their
best overlap (IoU) with any box, recall the share of objects with one of at least 0.5. `benchmarks.recall` is the full
study, with all modes and methods.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.command import run
from benchmarks.opencv_contrib import opencv
from benchmarks.pictures import labeled
from benchmarks.recall import METHODS, Record, measure
from benchmarks.row import Check, Row
from benchmarks.timing import Pair
from codo.proposals.selective_search import selective_search

TOLERANCE = 0.01  # how far MABO and recall may lie below OpenCV's


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=int, default=20, help="of each set")
    parser.add_argument("--opencv", type=Path, help="a Python that has OpenCV contrib (default: one is made)")


def rows(options: argparse.Namespace) -> Iterator[Row]:
    selective_search(np.zeros((64, 64, 3), np.uint8))  # compile
    with tempfile.TemporaryDirectory() as scratch, opencv(options.opencv) as contrib:
        pictures = labeled(options.data, Path(scratch), 2 if options.smoke else options.images)
        methods = {"opencv": contrib.search, "codo": METHODS["codo"]}
        for side in (500, 256):
            records = [
                record
                for path, objects in pictures
                for record in measure(methods, path.parent.parent.name, path, objects, side, "fast")
            ]
            yield row(records, side, contrib.version)


def row(records: list[Record], side: int, version: str) -> Row:
    """The verdict on the records of one size."""
    theirs, ours = ([r for r in records if r.method == method] for method in ("opencv", "codo"))
    best = [np.array([overlap for r in side_ for overlap in r.overlaps]) for side_ in (theirs, ours)]
    mabo, recall = [b.mean() for b in best], [(b >= 0.5).mean() for b in best]
    return Row(
        "T1",
        f"selective search, fast, {side} px",
        "ms",
        **Pair([r.seconds for r in theirs], [r.seconds for r in ours]).spreads(1e-3),
        reference_is=f"OpenCV contrib {version}, {len(theirs)} images with {len(best[0])} objects",
        least_ratio=9,
        checks=(
            Check(f"MABO {mabo[1]:.3f} against {mabo[0]:.3f}", bool(mabo[1] >= mabo[0] - TOLERANCE)),
            Check(f"recall {recall[1]:.3f} against {recall[0]:.3f}", bool(recall[1] >= recall[0] - TOLERANCE)),
        ),
    )


if __name__ == "__main__":
    run(__doc__, rows, arguments)
