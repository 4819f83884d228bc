"""Near-duplicates: which copies are found, what else is, and what it costs.

    python -m benchmarks.near_duplicates [--data DIR] [--images 400]

Each of ``--images`` photographs, drawn at random, is compared with copies that are made of it: re-encoded, resized, and
cropped or mirrored ones, which are other pictures. Then all photographs below ``--data`` are compared with each other;
the pairs found are printed, as only a look can tell whether they are copies. The cost is that of hashing a photograph,
and of comparing 5,000 hashes with a million.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.command import run
from benchmarks.pictures import photographs
from benchmarks.row import Check, Row, Spread
from codo.duplicates.perceptual import BITS, NOTHING, alike, candidates, perceptual_hash, thumbnail

Pixels = npt.NDArray[np.uint8]
MILLION, EVALUATED = 1_000_000, 5_000


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=int, default=400)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as scratch:
        if options.data:
            files = sorted(path for path in options.data.rglob("*.jpg"))
        else:
            files = photographs(None, Path(scratch) / "photographs", 8 if options.smoke else 48)
        data = [path.read_bytes() for path in files]
        began = time.perf_counter()
        small = [thumbnail(one) for one in data]
        hashes = np.array([perceptual_hash(one) for one in small], np.uint64)
        seconds = (time.perf_counter() - began) / len(files)
        yield Row("near", f"hashing one of {len(files):,} photographs", "ms", Spread.of([1000 * seconds]))
        yield from copies(data, 4 if options.smoke else options.images)
        yield among_themselves(files, data, small, hashes)
    yield comparison(2_000 if options.smoke else MILLION, 10 if options.smoke else EVALUATED)


def copies(data: list[bytes], count: int) -> Iterator[Row]:
    """For each kind of copy, the share that is found."""
    chosen = np.random.default_rng(0).permutation(len(data))[:count]
    for name, change in COPIES.items():
        found = 0
        for i in chosen:
            image = cv2.imdecode(np.frombuffer(data[i], np.uint8), cv2.IMREAD_COLOR)
            found += same(data[i], change(image))
        yield Row("near", f"found: {name}", "%", Spread.of([100 * found / len(chosen)]), note=f"of {len(chosen)}")


def among_themselves(
    files: list[Path], data: list[bytes], small: list[Pixels | None], hashes: npt.NDArray[np.uint64]
) -> Row:
    """Pairs of different files that are taken for the same picture."""
    near = equal = 0
    pairs: list[str] = []
    for i, others in candidates(hashes, hashes).items():
        for j in others:
            if j <= i:
                continue
            near += 1
            if data[i] == data[j]:
                equal += 1
            elif alike(small[i], small[j]):
                pairs.append(f"{files[i].parent.name}/{files[i].name} = {files[j].parent.name}/{files[j].name}")
    judged = int(np.count_nonzero(hashes != NOTHING))
    total = judged * (judged - 1) // 2
    note = (
        f"{total:,} pairs, {near:,} with hashes {BITS} bits apart or less, {equal} of equal files; {'; '.join(pairs)}"
    )
    return Row("near", "pairs found among different files", "pairs", Spread.of([len(pairs)]), note=note)


def comparison(many: int, few: int) -> Row:
    """The cost of comparing random hashes."""
    rng = np.random.default_rng(0)
    top = np.uint64(1 << 63)
    own, others = (rng.integers(0, 2**63, n, dtype=np.uint64) | top for n in (few, many))
    began = time.perf_counter()
    found = candidates(own, others)
    seconds = time.perf_counter() - began
    none = Check(f"{sum(map(len, found.values())):,} of them near by chance", len(found) <= few)
    return Row("near", f"comparing {few:,} hashes with {many:,}", "s", Spread.of([seconds]), checks=(none,))


def same(original: bytes, copy: bytes) -> bool:
    """Whether a copy is found."""
    a, b = thumbnail(original), thumbnail(copy)
    return bool(np.bitwise_count(perceptual_hash(a) ^ perceptual_hash(b)) <= BITS) and alike(a, b)


def encoded(image: Pixels, quality: int = 90) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def scaled(image: Pixels, scale: float, how: int = cv2.INTER_AREA) -> Pixels:
    height, width = image.shape[:2]
    return cv2.resize(image, (max(1, round(scale * width)), max(1, round(scale * height))), interpolation=how)


def cropped(image: Pixels, share: float) -> Pixels:
    height, width = image.shape[:2]
    y, x = round(height * (1 - share) / 2), round(width * (1 - share) / 2)
    return np.ascontiguousarray(image[y : height - y, x : width - x])


COPIES: dict[str, Callable[[Pixels], bytes]] = {
    "JPEG of quality 60": lambda image: encoded(image, 60),
    "JPEG of quality 30": lambda image: encoded(image, 30),
    "PNG": lambda image: cv2.imencode(".png", image)[1].tobytes(),
    "half the size": lambda image: encoded(scaled(image, 0.5)),
    "half the size, bilinear, quality 60": lambda image: encoded(scaled(image, 0.5, cv2.INTER_LINEAR), 60),
    "a quarter of the size": lambda image: encoded(scaled(image, 0.25)),
    "twice the size": lambda image: encoded(scaled(image, 2, cv2.INTER_CUBIC)),
    "brighter, more contrast": lambda image: encoded(cv2.convertScaleAbs(image, alpha=1.2, beta=10)),
    "the middle 98%": lambda image: encoded(cropped(image, 0.98)),
    "the middle 95%": lambda image: encoded(cropped(image, 0.95)),
    "the middle 90%": lambda image: encoded(cropped(image, 0.9)),
    "the middle 80%": lambda image: encoded(cropped(image, 0.8)),
    "the middle 50%": lambda image: encoded(cropped(image, 0.5)),
    "mirrored": lambda image: encoded(np.ascontiguousarray(image[:, ::-1])),
}

if __name__ == "__main__":
    run(__doc__, rows, arguments)
