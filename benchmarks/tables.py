"""Images in tables of Parquet: listing them, and reading one after the other.

    python -m benchmarks.tables [--images 2000] [--rounds 3]

The images are drawn, of 500 x 375 pixels, in row groups of 100. ``plain`` is how datasets 5.2.0 of Hugging
Face writes them (bytes of images not compressed), ``snappy`` the compression that pyarrow has by default. Images are
read in random order, as in training, from the page cache of the system; decoding one is the measure to compare with.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.command import run
from benchmarks.row import Check, Row, Spread
from codo.catalog.decode import decode
from codo.catalog.reading import Reader
from codo.sources.listing import Member
from codo.sources.source import list_sources

GROUP = 100


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    count, rounds = (200, 1) if options.smoke else (options.images, options.rounds)
    files = [draw(number) for number in range(count)]
    order = np.random.default_rng(0).permutation(count)[: min(count, 500)]
    with tempfile.TemporaryDirectory() as scratch:
        for name, compression in (("plain", "none"), ("snappy", "snappy")):
            path = Path(scratch) / f"{name}.parquet"
            write(path, files, compression)
            listing = list(list_sources([str(path)]).members)
            reader = Reader()
            same = all(reader.read(listing[i].location) == files[i] for i in order)

            def read_all(reader: Reader = reader, listing: list[Member] = listing) -> None:
                for i in order:
                    reader.read(listing[i].location)

            listed = [seconds(lambda path=path: list_sources([str(path)])) / count * 1e6 for _ in range(rounds)]
            read = [seconds(read_all) / len(order) * 1e6 for _ in range(rounds)]
            yield Row("tables", f"listing an image, {name}", "us", Spread.of(listed))
            yield Row("tables", f"reading an image, {name}", "us", Spread.of(read), checks=(Check("same bytes", same),))
    decoded = [seconds(lambda: [decode(files[i], 1) for i in order]) / len(order) * 1e6 for _ in range(rounds)]
    size = sum(map(len, files)) / count / 1e3
    yield Row("tables", "decoding an image", "us", Spread.of(decoded), note=f"{size:.0f} kB an image")


def draw(number: int) -> bytes:
    """A JPEG with structure at several scales."""
    rng = np.random.default_rng(number)
    image = np.zeros((375, 500, 3), np.float32)
    for side in (4, 16, 64, 250):
        noise = rng.normal(0, 25, (side * 3 // 4, side, 3)).astype(np.float32)
        image += cv2.resize(noise, (500, 375), interpolation=cv2.INTER_LINEAR)
    return bytes(cv2.imencode(".jpg", np.clip(image + 128, 0, 255).astype(np.uint8))[1])


def write(path: Path, files: list[bytes], compression: str) -> None:
    images = [{"bytes": data, "path": f"{number}.jpg"} for number, data in enumerate(files)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(images, kind)})
    pq.write_table(table, path, compression=compression, use_dictionary=False, row_group_size=GROUP)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    run(__doc__, rows, arguments)
