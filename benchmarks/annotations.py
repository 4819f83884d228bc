"""Reading a COCO annotation file of the size of COCO train2017, against pycocotools and against an earlier version.

    python -m benchmarks.annotations [--images 118000] [--rounds 3] [--before CHECKOUT]

The file is synthetic: 7.3 objects of 80 classes an image, one in a hundred a crowd with a run-length encoding, others
outlines of 8 to 40 points, with the fields and the decimals of COCO's own. Each side reads it in a process of its own,
in turn; timed is the call alone, in CPU time: ours with all checks, pycocotools' ``COCO(file)``, which builds its
indices. ``CHECKOUT`` is a working copy of this repository at an earlier commit.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import run
from benchmarks.row import Check, Row, Spread

OBJECTS, CLASSES, WIDTH, HEIGHT = 7.3, 80, 640, 480

PYCOCOTOOLS = """
import contextlib, io, sys, time
from pycocotools.coco import COCO
start = time.process_time()
with contextlib.redirect_stdout(io.StringIO()):
    data = COCO(sys.argv[1])
print(time.process_time() - start, len(data.anns))
"""

CODO = """
import sys, time
from pathlib import Path
from codo.annotations.coco.read import read_coco
start = time.process_time()
data = read_coco(Path(sys.argv[1]))
print(time.process_time() - start, len(data.labels))
"""

BEFORE = """
import sys, time
from pathlib import Path
try:
    from codo.annotations.coco.read import read_coco
except ImportError:
    from codo.annotations.coco import read_coco
start = time.process_time()
data = read_coco(Path(sys.argv[1]))
print(time.process_time() - start, len(data.labels))
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=int, default=118_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", type=Path, help="a checkout of an earlier commit to compare with as well")


def rows(options: argparse.Namespace) -> Iterator[Row]:
    images, rounds = (200, 1) if options.smoke else (options.images, options.rounds)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "instances.json"
        count = write(path, images)
        sides = {"codo": (CODO, None), "pycocotools": (PYCOCOTOOLS, None)}
        if options.before:
            sides["before"] = (BEFORE, options.before)
        seconds: dict[str, list[float]] = {side: [] for side in sides}
        found = set[int]()
        for _ in range(rounds):
            for side, (code, checkout) in sides.items():
                time, objects = read(code, path, checkout)
                seconds[side].append(time)
                found.add(objects)
    what = f"reading {images:,} images with {count:,} annotations"
    yield row(what, seconds["codo"], seconds["pycocotools"], "pycocotools", 0.5, found == {count})
    if options.before:
        yield row(what, seconds["codo"], seconds["before"], "the earlier version", 1 / 1.05, found == {count})


def row(what: str, ours: list[float], other: list[float], name: str, least: float, equal: bool) -> Row:
    ratios = [b / a for a, b in zip(ours, other, strict=True)]
    return Row(
        "COCO",
        what,
        "s",
        Spread.of(ours),
        reference=Spread.of(other),
        reference_is=name,
        ratio=Spread.of(ratios),
        least_ratio=least,
        checks=(Check("all annotations are there", equal),),
    )


def read(code: str, path: Path, checkout: Path | None) -> tuple[float, int]:
    """CPU seconds of one reading in a new process, and how many objects there were."""
    environment = dict(os.environ)
    if checkout is not None:
        environment["PYTHONPATH"] = str(checkout / "src")
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    seconds, objects = done.stdout.split()
    return float(seconds), int(objects)


def write(path: Path, images: int) -> int:
    """Write the file; returns the number of annotations."""
    rng = np.random.default_rng(0)
    annotations: list[dict[str, Any]] = []
    for image in range(images):
        for _ in range(rng.poisson(OBJECTS)):
            width, height = rng.uniform(4, [WIDTH / 2, HEIGHT / 2])
            x, y = rng.uniform(0, [WIDTH - width, HEIGHT - height])
            crowd = rng.random() < 0.01
            annotations.append(
                {
                    "segmentation": _crowd(rng) if crowd else [_outline(rng, x, y, width, height)],
                    "area": round(width * height * 0.7, 4),
                    "iscrowd": int(crowd),
                    "image_id": image + 1,
                    "bbox": [round(value, 2) for value in (x, y, width, height)],
                    "category_id": int(rng.integers(1, CLASSES + 1)),
                    "id": len(annotations) + 1,
                }
            )
    listed = [
        {"license": 1, "file_name": f"{i + 1:012d}.jpg", "height": HEIGHT, "width": WIDTH, "id": i + 1}
        for i in range(images)
    ]
    classes = [{"supercategory": "thing", "id": i + 1, "name": f"class {i + 1}"} for i in range(CLASSES)]
    path.write_text(json.dumps({"images": listed, "annotations": annotations, "categories": classes}))
    return len(annotations)


def _outline(rng: np.random.Generator, x: float, y: float, width: float, height: float) -> list[float]:
    """Points on an ellipse that touches all four sides of the box."""
    turns = np.linspace(0, 2 * np.pi, 4 * int(rng.integers(2, 11)), endpoint=False)
    points = np.stack([x + width * (1 + np.cos(turns)) / 2, y + height * (1 + np.sin(turns)) / 2], axis=1)
    return [round(value, 2) for value in points.ravel().tolist()]


def _crowd(rng: np.random.Generator) -> dict[str, Any]:
    """A run-length encoding of a part of the image, column by column."""
    ends = np.sort(rng.choice(np.arange(1, WIDTH * HEIGHT), 100, replace=False))
    return {"counts": np.diff([0, *ends.tolist(), WIDTH * HEIGHT]).tolist(), "size": [HEIGHT, WIDTH]}


if __name__ == "__main__":
    run(__doc__, rows, arguments)
