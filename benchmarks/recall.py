"""Recall and time of selective search: ours, OpenCV contrib's, and random boxes, on photographs with COCO boxes.

    python -m benchmarks.recall --data DIR [--images N] [--quality-images N] [--json FILE] [--reference FILE]

OpenCV contrib is installed into a throw-away environment (numpy and OpenCV only), asked image by image in turn with
ours, and deleted at the end. ``--reference FILE`` takes its results from the JSON of an earlier run instead. Each image
is first resized to the given longest side (by area, or bicubic where it must be enlarged), so that both searches see
the same pixels. Times are process CPU time on one thread: median over images [quartiles]; the ratio is the median of
the ratios image by image. MABO: mean over objects of the best overlap (IoU) of any box; R@t: share of objects with a
best overlap of at least t; pick: mean over boxes of the overlap with their nearest object, what a random draw meets.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.environment import processor
from benchmarks.opencv_contrib import opencv
from benchmarks.pictures import SETS, listing, resized
from codo.proposals.filters import ProposalSettings, filter_boxes, propose
from codo.proposals.selective_search import MODES, selective_search
from codo.views.boxes import iou

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]
Search = Callable[[Image, str], tuple[Array, float]]  # BGR image, mode -> boxes, seconds


@dataclass(frozen=True)
class Record:
    """What one method found on one image."""

    method: str
    side: int
    mode: str
    set: str
    file: str
    seconds: float
    boxes: int
    overlaps: list[float]  # of every object with its best box
    pick: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=SETS, help="folders SET/SPLIT with SET/annotations beside them")
    parser.add_argument("--sides", nargs="+", type=int, default=[256, 500])
    parser.add_argument("--modes", nargs="+", choices=list(MODES), default=list(MODES))
    parser.add_argument("--images", type=int, default=120, help="images of a set, evenly spaced")
    parser.add_argument("--quality-images", type=int, default=20, help="the same in quality mode (slow in OpenCV)")
    parser.add_argument("--json", type=Path, help="write everything here")
    parser.add_argument("--reference", type=Path, help="take OpenCV's results from this JSON")
    options = parser.parse_args()

    work = [
        (name, path, objects, side, mode)
        for name in options.sets
        for side in options.sides
        for mode in options.modes
        for path, objects in listing(
            options.data / name, options.quality_images if mode == "quality" else options.images
        )
    ]
    selective_search(np.zeros((64, 64, 3), np.uint8), "quality", 32)  # compile
    earlier = json.loads(options.reference.read_text()) if options.reference else None
    records: list[Record] = []
    if earlier:
        known = {(r["set"], r["side"], r["mode"], r["file"]): r for r in earlier["records"] if r["method"] == "opencv"}
        records += [Record(**known[name, side, mode, path.name]) for name, path, _, side, mode in work]
        version = f"{earlier['opencv']}, recorded on {earlier['machine']}"
        for name, path, objects, side, mode in work:
            records += measure(METHODS, name, path, objects, side, mode)
    else:
        with opencv() as contrib:
            version = contrib.version
            for name, path, objects, side, mode in work:
                records += measure({"opencv": contrib.search, **METHODS}, name, path, objects, side, mode)
    machine = f"{processor()}, Python {platform.python_version()}, NumPy {np.__version__}"
    print(f"{machine}; OpenCV contrib {version}\n")
    for name in ["all", *options.sets]:
        print(table(name, [r for r in records if name in ("all", r.set)]))
    if options.json:
        result = {"machine": machine, "opencv": version, "records": [asdict(r) for r in records]}
        options.json.write_text(json.dumps(result) + "\n")


def measure(methods: dict[str, Search], name: str, path: Path, objects: Array, side: int, mode: str) -> list[Record]:
    """Ask every method for one image, one after the other; those that have no modes only beside ``fast``."""
    original = np.asarray(cv2.imread(str(path)), np.uint8)
    image = resized(original, side)
    scaled = objects * np.tile(np.divide(image.shape[1::-1], original.shape[1::-1]), 2)
    records = []
    for method, search in methods.items():
        if mode != "fast" and method not in ("opencv", "codo"):  # the default alone is of interest
            continue
        boxes, seconds = search(image, mode)
        overlap = iou(boxes[:, None], scaled[None])
        best, pick = overlap.max(axis=0).tolist(), float(overlap.max(axis=1).mean())
        records.append(Record(method, side, mode, name, path.name, seconds, len(boxes), best, pick))
    return records


def codo(longest_side: int | None) -> Search:
    def search(image: Image, mode: str) -> tuple[Array, float]:
        rgb = np.ascontiguousarray(image[:, :, ::-1])
        start = time.process_time()
        boxes = selective_search(rgb, mode, longest_side)
        return boxes.astype(np.float64), time.process_time() - start

    return search


def kept(image: Image, _: str) -> tuple[Array, float]:
    """What a catalog stores: searched at 256, filtered, at most 64."""
    rgb = np.ascontiguousarray(image[:, :, ::-1])
    start = time.process_time()
    boxes, _ = propose(rgb, ProposalSettings())
    return boxes.astype(np.float64), time.process_time() - start


def kept_at_random(image: Image, _: str) -> tuple[Array, float]:
    """As many of the same filtered boxes, drawn without replacement: what `thin` is to be compared with."""
    height, width = image.shape[:2]
    found = selective_search(np.ascontiguousarray(image[:, :, ::-1]))
    boxes, _ = filter_boxes(found, width, height, ProposalSettings())
    chosen = np.random.default_rng(0).permutation(len(boxes))[: ProposalSettings().max_boxes]
    return boxes[chosen].astype(np.float64), 0.0


def random_boxes(image: Image, _: str, count: int = 500) -> tuple[Array, float]:
    """The floor: two corners drawn uniformly."""
    height, width = image.shape[:2]
    corners = np.random.default_rng(0).uniform(size=(count, 2, 2)) * [width, height]
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1), 0.0


METHODS: dict[str, Search] = {
    "codo": codo(None),
    "codo at 256": codo(256),
    "kept": kept,
    "kept at random": kept_at_random,
    "random": random_boxes,
}


def table(name: str, records: list[Record]) -> str:
    """Markdown: one line a side, mode and method."""
    lines = [
        f"**{name}**\n",
        "| side | mode | method | images | objects | boxes | MABO | R@.5 | R@.7 | pick | ms | times OpenCV |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    records = sorted(records, key=lambda r: (r.side, list(MODES).index(r.mode)))
    for side, mode, method in dict.fromkeys((r.side, r.mode, r.method) for r in records):
        rows = [r for r in records if (r.side, r.mode, r.method) == (side, mode, method)]
        reference = {(r.set, r.file): r for r in records if (r.side, r.mode, r.method) == (side, mode, "opencv")}
        best = np.array([v for r in rows for v in r.overlaps])
        times, ratio = np.array([r.seconds for r in rows]), ""
        milliseconds = "{1:.1f} [{0:.1f}, {2:.1f}]".format(*np.quantile(1000 * times, [0.25, 0.5, 0.75]))
        if method != "opencv" and times.any():
            ratios = [reference[r.set, r.file].seconds / r.seconds for r in rows]
            ratio = "{1:.1f} [{0:.1f}, {2:.1f}]".format(*np.quantile(ratios, [0.25, 0.5, 0.75]))
        lines.append(
            f"| {side} | {mode} | {method} | {len(rows)} | {len(best)} | {np.mean([r.boxes for r in rows]):.0f} "
            f"| {best.mean():.3f} | {(best >= 0.5).mean():.3f} | {(best >= 0.7).mean():.3f} "
            f"| {np.mean([r.pick for r in rows]):.3f} | {milliseconds if times.any() else '0'} | {ratio} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
