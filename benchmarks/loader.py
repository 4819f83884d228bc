"""What a sample costs the loader, for `codo plan`: core time of 1, 2 and 4 pasted views and of 1 and 2 crops.

    python -m benchmarks.loader [--data DIR] [--images N]

From packed catalogs (short side 320 for foregrounds and whole images, 256 for backgrounds), one thread, process CPU
time, the fastest of several rounds. No row has a bound: T3 and T4 (`views`) have. The numbers belong into
``src/codo/planning/costs.yaml``.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2

from benchmarks.command import run
from benchmarks.pictures import photographs
from benchmarks.row import Row, Spread
from benchmarks.timing import timed
from benchmarks.views import CANVAS, packed, pasted
from codo.loading.crop_dataset import Crop, CropDataset
from codo.views.photometric import AugmentSettings

ROUNDS = 5


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=int, default=80)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "originals"
        photographs(options.data, folder, 4 if options.smoke else options.images)
        foregrounds, backgrounds = packed(folder, Path(scratch))
        made = pasted(foregrounds, backgrounds)
        crops = CropDataset(foregrounds, [Crop(CANVAS, AugmentSettings())] * 2, seed=0)
        for count in (1, 2, 4):
            yield row(f"{count} pasted views", lambda i, n=count: made.views(0, i, range(n)), options)
        for count in (1, 2):
            yield row(f"{count} crops", lambda i, n=count: crops.views(0, i, range(n)), options)
        for catalog in (foregrounds, backgrounds):
            sizes = [float(catalog.location(i).size) / 1e3 for i in range(len(catalog))]
            yield Row("plan", f"an image packed at {catalog.settings['pack']}", "kB", Spread.of(sizes))


def row(what: str, make: Callable[[int], object], options: argparse.Namespace) -> Row:
    """Each image with its fastest round."""
    numbers = range(4 if options.smoke else options.images)
    rounds = [[timed(make, number) for number in numbers] for _ in range(1 if options.smoke else ROUNDS)]
    return Row("plan", what, "ms", Spread.of([1e3 * min(times) for times in zip(*rounds, strict=True)]))


if __name__ == "__main__":
    run(__doc__, rows, arguments)
