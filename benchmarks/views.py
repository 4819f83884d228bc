"""T3, T4, S1: two views of a sample, from JPEGs, packed catalogs and decoded images, against PIL and torchvision.

    python -m benchmarks.views --from jpeg|packed [--data DIR] [--images N]

One sample is everything from bytes on disk to two canvases of 224 pixels with their boxes: one proposal and two
backgrounds decoded, cropped, resized, colored, blurred, pasted, and the boxes jittered, on one thread. The reference
(`pil_views`) makes the same views of the same random numbers, which is checked pixel by pixel. It always reads the
originals (longest side 500); packed catalogs have a short side of 320 for foregrounds and 256 for backgrounds.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

import codo
from benchmarks.command import run
from benchmarks.pictures import photographs
from benchmarks.pil_views import PILViews, to_bytes
from benchmarks.row import Check, Row
from benchmarks.timing import alternate
from codo.catalog.catalog import Catalog
from codo.loading.pasted_views import PastedViews
from codo.loading.pools import Pool
from codo.views.cpj import CopyPasteJitter, View
from codo.views.device_photometric import Deferred, finish

CANVAS, ROUNDS = 224, 5
SHORT_SIDES = {"foregrounds": 320, "backgrounds": 256}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="source", choices=("jpeg", "packed"), default="jpeg")
    parser.add_argument("--images", type=int, default=80)


def packed(folder: Path, scratch: Path) -> tuple[Catalog, Catalog]:
    """Packed catalogs of a folder of photographs: of foregrounds, with proposals, and of backgrounds."""
    foregrounds, backgrounds = (
        codo.prepare(folder, scratch / name, pack=side, propose=name == "foregrounds", progress=False)
        for name, side in SHORT_SIDES.items()
    )
    return foregrounds, backgrounds


def rows(options: argparse.Namespace) -> Iterator[Row]:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "photographs"
        photographs(options.data, folder, 4 if options.smoke else options.images)
        originals = codo.prepare(folder, Path(scratch) / "originals", progress=False)
        reference = PILViews(pasted(originals, originals))
        if options.source == "jpeg":
            yield row("T3", "from original JPEGs", reference, reference.pasted, 3.5, options.smoke)
        else:
            catalogs = packed(folder, Path(scratch))
            yield row("T4", "from packed catalogs", reference, pasted(*catalogs), 8, options.smoke)
            deferring = pasted(*catalogs, defer_photometric=True)
            what = "from packed catalogs, colors and blur left to the device"
            yield row("T4", what, reference, deferring, 12, options.smoke)
            for catalog in catalogs:
                catalog.keep_decoded(10**10)  # filled in the first round, which does not count
            what = "from packed catalogs, images decoded before"
            yield row("S1", what, reference, pasted(*catalogs), 14, options.smoke)


def pasted(foregrounds: Catalog, backgrounds: Catalog, *, defer_photometric: bool = False) -> PastedViews:
    """The paper's views of a pair of catalogs."""
    pool = Pool([backgrounds], [None])
    return PastedViews(foregrounds, pool, pool, CopyPasteJitter(CANVAS, defer_photometric=defer_photometric), seed=0)


def row(target: str, what: str, reference: PILViews, ours: PastedViews, least: float, smoke: bool) -> Row:
    """Time both on every image as the foreground."""
    checks = same_views(reference, ours, range(min(16, len(ours))))
    times = alternate(
        lambda at: reference.views(*at, (0, 1)),
        lambda at: ours.views(*at, (0, 1)),
        [(0, sample) for sample in range(len(ours))],
        rounds=1 if smoke else ROUNDS,
        block=10,
    )
    return Row(
        target,
        f"two views of a sample {what}",
        "ms",
        **times.spreads(1e-3),
        reference_is="PIL and torchvision v1, from original JPEGs",
        least_ratio=least,
        checks=checks,
    )


def same_views(reference: PILViews, ours: PastedViews, samples: range) -> tuple[Check, ...]:
    """Both make the same views: the same boxes, and pixels that differ by rounding and resampling only.

    A packed image is smaller than its original, so that its crops are cut at other pixels; once in a while one of the
    two takes a draw that the other refuses, and all that follows differs.
    """
    apart, same = [], []
    for sample in samples:
        views = ours.views(0, sample, (0, 1))
        for (canvas, box), view in zip(reference.views(0, sample, (0, 1)), views, strict=True):
            apart.append(np.abs(to_bytes(canvas).astype(int) - finished(view)).mean())
            same.append(np.allclose(box.numpy(), view.box, atol=1e-3))
    packed = ours.foregrounds.packed
    difference, share = float(np.median(apart)), float(np.mean(same))
    return (
        Check(f"pixels differ by {difference:.1f} of 255", difference < (8 if packed else 4)),
        Check(f"{share:.0%} of the boxes are equal", share >= (0.8 if packed else 1)),
    )


def finished(view: View) -> np.ndarray:
    """The canvas of a view, with colors and blur if they are still to come."""
    if view.changes is None:
        return view.image
    return finish(torch.from_numpy(view.image[None]), Deferred(view.changes[None], view.pasted[None]))[0].numpy()


if __name__ == "__main__":
    run(__doc__, rows, arguments)
