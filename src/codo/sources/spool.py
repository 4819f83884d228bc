"""Rows of any number: in memory up to `IN_MEMORY`, beyond that in a temporary file.

The listing of ten million files would otherwise take 6 GB before the first image is read. Sorting is a merge of sorted
runs, so that memory does not grow with their number. The file is in the system's temporary folder (``TMPDIR``).
"""

from __future__ import annotations

import heapq
import os
import pickle
import tempfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from codo.core.io import explain_full_disk

IN_MEMORY = 100_000
BATCH = 1_000

Row = TypeVar("Row", bound=tuple[Any, ...])


def spool(rows: Iterable[Row], *, sort: bool = False) -> Collection[Row]:
    """The rows, to be iterated any number of times, in their order or sorted.

    Raises:
        CodoError: The disk of the temporary file is full.
    """
    remaining = iter(rows)
    first = list(islice(remaining, IN_MEMORY + 1))
    if len(first) > IN_MEMORY:
        return _Spool(chain(first, remaining), sort=sort)
    return sorted(first) if sort else first


class _Spool(Collection[Row]):
    def __init__(self, rows: Iterator[Row], *, sort: bool) -> None:
        self._sort = sort
        self._count = 0
        self._end = 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  (closed, and so deleted, with this object)
        self._runs: list[list[tuple[int, int]]] = []
        while run := list(islice(rows, IN_MEMORY)):
            if sort:
                run.sort()
            self._count += len(run)
            self._runs.append([self._write(run[i : i + BATCH]) for i in range(0, len(run), BATCH)])

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Row]:
        runs = [self._read(places) for places in self._runs]
        return heapq.merge(*runs) if self._sort else chain.from_iterable(runs)

    def __contains__(self, row: object) -> bool:
        return any(row == other for other in self)

    def _write(self, batch: list[Row]) -> tuple[int, int]:
        """Append a batch; returns where it is."""
        data = zlib.compress(pickle.dumps(batch), 1)  # neighbors have nearly the same path
        with explain_full_disk(Path(tempfile.gettempdir())):
            self._file.write(data)
            self._file.flush()
        begin, self._end = self._end, self._end + len(data)
        return begin, len(data)

    def _read(self, places: list[tuple[int, int]]) -> Iterator[Row]:
        for begin, length in places:
            # Not at the file's own position, which iterators (and forked processes) share.
            yield from pickle.loads(zlib.decompress(os.pread(self._file.fileno(), length, begin)))
