"""Where the time of a sample's two views goes: reading, decoding, drawing, rendering, and what is left for Python.

    python -m benchmarks.view_stages [--data DIR] [--images N]

From packed catalogs and from original JPEGs, with and without decoded images in memory (``cache=``), one thread. The
clock runs around calls inside the sample that is timed; of each sample the fastest of several rounds counts. No row has
a bound: T3 and T4 (`views`) have.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2

import codo
from benchmarks.command import run
from benchmarks.pictures import photographs
from benchmarks.row import Row, Spread
from benchmarks.views import packed, pasted
from codo.catalog import catalog
from codo.loading import pasted_views, pools
from codo.loading.warm_up import load_kernels
from codo.views import cpj

ROUNDS = 12
STAGES: dict[str, list[tuple[Any, str]]] = {
    "reading files": [(catalog.Catalog, "read")],
    "cutting tiles": [(catalog, "layout"), (catalog, "cut")],
    "decoding": [(catalog, "decode")],
    "random numbers": [
        (pasted_views.philox, "start"),
        (pasted_views.philox, "integer"),
        (pools, "draw_image"),
        (cpj, "draw_view"),
    ],
    "rendering": [(cpj, "render")],
}
Times = dict[str, int]


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=int, default=80)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    cv2.setNumThreads(1)
    load_kernels()  # the compiler must not meet the clocks
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "photographs"
        photographs(options.data, folder, 4 if options.smoke else options.images)
        originals, small = (
            codo.prepare(folder, Path(scratch) / "originals", progress=False),
            packed(folder, Path(scratch)),
        )
        yield from stages("packed", pasted(*small), options.smoke)
        yield from stages("packed, colors and blur deferred", pasted(*small, defer_photometric=True), options.smoke)
        yield from stages("original JPEGs", pasted(originals, originals), options.smoke)
        for kept in (*small, originals):
            kept.keep_decoded(10**10)  # filled by the first round, which does not count
        yield from stages("packed, decoded before", pasted(*small), options.smoke)
        yield from stages("original JPEGs, decoded before", pasted(originals, originals), options.smoke)


def stages(what: str, ours: pasted_views.PastedViews, smoke: bool) -> Iterator[Row]:
    """A row a stage, one for all that is in none, and one for the whole."""
    fastest: list[Times] = []
    with watched() as spent:
        for round_ in range(2 if smoke else ROUNDS):  # the first loads the kernels
            for sample in range(len(ours)):
                spent.clear()
                begin = time.perf_counter_ns()
                ours.views(0, sample, (0, 1))
                whole = {"all": time.perf_counter_ns() - begin, **spent}
                if round_ == 0:
                    fastest.append(whole)
                elif whole["all"] < fastest[sample]["all"]:
                    fastest[sample] = whole
    for stage in STAGES:
        yield row(f"{what}: {stage}", [times.get(stage, 0) for times in fastest])
    rest = [2 * times["all"] - sum(times.values()) for times in fastest]
    yield row(f"{what}: Python between them", rest)
    yield row(f"{what}: all", [times["all"] for times in fastest])


def row(what: str, nanoseconds: list[int]) -> Row:
    return Row("views", what, "ms", Spread.of([value / 1e6 for value in nanoseconds]))


@contextmanager
def watched() -> Iterator[Times]:
    """Put a clock around each call of `STAGES`; gives nanoseconds by stage, which add up until they are cleared."""
    spent: Times = defaultdict(int)

    def clocked(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            begin = time.perf_counter_ns()
            result = function(*arguments, **named)
            spent[stage] += time.perf_counter_ns() - begin
            return result

        return call

    with ExitStack() as stack:
        for stage, places in STAGES.items():
            for place, name in places:
                stack.enter_context(patch.object(place, name, clocked(stage, getattr(place, name))))
        yield spent


if __name__ == "__main__":
    run(__doc__, rows, arguments)
