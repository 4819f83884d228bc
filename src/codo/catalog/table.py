"""Reading ``catalog.parquet`` as Arrow buffers and NumPy views, never a Python object per row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from codo.core.paths import filesystem, is_url
from codo.machine.cpu import usable_cores

MAX_THREADS = 8
TEXT = ("key", "uri")
"""Columns of text."""
NUMBERS = ("images", "rejected", "repeated", "duplicates")
"""Counts that every catalog has in its metadata, besides ``ignored``."""


class CatalogTable(NamedTuple):
    """The contents of ``catalog.parquet``.

    Attributes:
        columns: The columns but for the proposals, each a single Arrow array.
        proposals: ``(starts, boxes)``: int64 ``(rows + 1,)`` and uint16 ``(n, 4)``; row ``i`` has
            ``boxes[starts[i] : starts[i + 1]]``. ``None`` where there are none, or they were not asked for.
    """

    columns: dict[str, pa.Array]
    proposals: tuple[npt.NDArray[np.int64], npt.NDArray[np.uint16]] | None


def open_file(path: str) -> tuple[pa.Buffer, dict[str, Any]]:
    """A catalog's Parquet file, mapped to memory (one by URL is fetched), and its metadata.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not Parquet.
        KeyError: It has not the metadata of a catalog.
        TypeError: It has no metadata at all.
    """
    if is_url(path):
        fs, inner = filesystem(path)
        buffer = pa.py_buffer(fs.cat_file(inner))
    else:
        with pa.memory_map(path) as file:
            buffer = file.read_buffer()
    info: dict[str, Any] = json.loads(pq.read_schema(pa.BufferReader(buffer)).metadata[b"codo"])
    return buffer, info


def checked_counts(counts: Mapping[str, Any], propose: bool) -> dict[str, Any]:
    """The counts of a catalog's metadata, that of proposals among them if it was made with some.

    Raises:
        KeyError: One is missing.
        ValueError: One is no number.
    """
    names = [*NUMBERS, "proposals"] if propose else NUMBERS
    numbers = [*(counts[name] for name in names), *dict(counts["ignored"]).values()]
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("its counts are no numbers")
    return dict(counts)


def read_table(buffer: pa.Buffer, columns: Sequence[str], *, proposals: bool) -> CatalogTable:
    """Read a catalog's Parquet file.

    Args:
        buffer: The file.
        columns: Which columns, besides the proposals.
        proposals: Read the proposals, too.

    Raises:
        OSError: The file is damaged.
        ValueError: It is damaged.
        KeyError: A column is missing.
    """
    file = pq.ParquetFile(buffer)
    table = file.read(columns=list(columns))
    single = {name: table.column(name).combine_chunks() for name in columns}
    for name, column in single.items():  # above all that names are text: else it would be found out when one is read
        column.validate(full=True)
        if name in TEXT and not (pa.types.is_large_string(column.type) or pa.types.is_string(column.type)):
            raise ValueError(f"the column {name} holds {column.type}, not text")
    return CatalogTable(single, _read_proposals(buffer, file.metadata) if proposals else None)


def _read_proposals(
    buffer: pa.Buffer, metadata: pq.FileMetaData
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint16]]:
    """The proposals of all row groups, of either format, read by several threads into one array.

    They are nearly all of the file. Reading the column in one call of Arrow takes three times the memory for a while,
    and memory that was used once stays with the process.
    """
    groups = range(metadata.num_row_groups)
    paths = [metadata.row_group(0).column(c).path_in_schema for c in range(metadata.num_columns)]
    leaf = next((c for c, path in enumerate(paths) if path.startswith("proposals.")), None)
    if leaf is None:
        raise KeyError("proposals")
    words = metadata.schema.column(leaf).physical_type == "INT64"
    values = sum(metadata.row_group(group).column(leaf).num_values for group in groups)
    boxes = np.empty((values if words else values // 4, 4), np.uint16)
    starts = np.zeros(metadata.num_rows + 1, np.int64)

    def read(group: int) -> pa.Array:
        file = pq.ParquetFile(buffer, metadata=metadata)
        return file.read_row_group(group, columns=["proposals"], use_threads=False).column(0).combine_chunks()

    row = end = 0
    with ThreadPoolExecutor(min(MAX_THREADS, usable_cores())) as pool:
        for lists in pool.map(read, groups):
            offsets = lists.offsets.to_numpy() // (1 if words else 4)
            group = lists.values.to_numpy().view("<u2").reshape(-1, 4)[offsets[0] : offsets[-1]]
            boxes[end : end + len(group)] = group
            starts[row + 1 : row + len(offsets)] = end + offsets[1:] - offsets[0]
            row, end = row + len(lists), end + len(group)
    pa.default_memory_pool().release_unused()
    return starts, boxes[:end]


def bytes_of(array: pa.Array) -> npt.NDArray[np.uint8]:
    """A view of fixed-size binaries as uint8 ``(len, width)``."""
    width = array.type.byte_width
    flat = np.frombuffer(array.buffers()[1], dtype=np.uint8)
    return flat[array.offset * width : (array.offset + len(array)) * width].reshape(-1, width)
