"""Listing a folder of very many files: seconds, which grow with their number, and memory, which hardly does.

    python -m benchmarks.listing [--files 200000] [--folder DIR] [--rounds 3]

The files are empty, in one folder below ``DIR`` (by default the system's temporary folder), and deleted afterwards. The
listing is that of ``codo prepare``, up to the file that its workers read, in a process of its own. Memory is the peak
of that process less what it had before; the note scales the time to ten million files.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.command import run
from benchmarks.memory import fresh
from benchmarks.row import Check, Row, Spread

MANY = 10_000_000


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    count = 2_000 if options.smoke else options.files
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        folder = Path(scratch) / "photographs"
        folder.mkdir()
        create(folder, count)
        found = [fresh(LIST, folder) for _ in range(1 if options.smoke else options.rounds)]
    listed = Check(f"{count:,} files listed", all(one["files"] == count for one in found))
    scale = MANY / count
    seconds = Spread.of([one["seconds"] for one in found])
    memory = Spread.of([one["mb"] for one in found])
    yield Row(
        "lists",
        f"listing {count:,} files",
        "s",
        seconds,
        checks=(listed,),
        note=f"{scale * seconds.median:,.0f} s for {MANY:,}",
    )
    yield Row(
        "lists",
        f"peak memory of listing {count:,} files",
        "MB",
        memory,
        most=130 + 75 * count / 1e6,
    )


def create(folder: Path, count: int) -> None:
    """Empty files with the names of a camera."""
    inside = os.open(folder, os.O_RDONLY)
    try:
        for number in range(count):
            os.close(os.open(f"IMG_{number:08d}.jpg", os.O_CREAT | os.O_WRONLY, dir_fd=inside))
    finally:
        os.close(inside)


LIST = """
import json, os, sys, time
from codo.sources.source import list_sources
from codo.machine.memory import peak_memory_mib
from codo.preparation import manifest
before, start = peak_memory_mib(), time.perf_counter()
listing = list_sources([sys.argv[1]])
listing.fingerprint()
with open(os.devnull, "wb") as file:
    manifest.write_listing(file, listing, named=False)
seconds = time.perf_counter() - start
mb = (peak_memory_mib() - before) * 2**20 / 1e6
print(json.dumps({"files": len(listing.members), "seconds": seconds, "mb": mb}))
"""

if __name__ == "__main__":
    run(__doc__, rows, arguments)
