"""Where the values of a binary column lie in an Arrow file: a stream, as `datasets` saves it, or a file of IPC.

The file is mapped into memory, and values that are not compressed are where Arrow's buffers point to in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

_FILE_MAGIC = b"ARROW1"


class Span(NamedTuple):
    """Where the bytes of a value are in the file."""

    offset: int
    size: int


def image_spans(path: str, choose: Callable[[pa.Schema], pa.Field]) -> Iterator[tuple[list[Span | None], list[Any]]]:
    """The spans of the images of every batch of a file, and their paths; ``None`` where there is none.

    Args:
        path: A local file.
        choose: Says which column has the images.

    Raises:
        pa.ArrowInvalid: The file is damaged or compressed.
    """
    with pa.memory_map(path) as file:
        if not file.size():
            raise pa.ArrowInvalid("the file is empty")
        start = file.read_buffer(1).address
        file.seek(0)
        is_file = file.read(len(_FILE_MAGIC)) == _FILE_MAGIC
        file.seek(0)
        reader = pa.ipc.open_file(file) if is_file else pa.ipc.open_stream(file)
        field = choose(reader.schema)
        batches = (reader.get_batch(i) for i in range(reader.num_record_batches)) if is_file else reader
        for batch in batches:
            column = batch.column(field.name)
            column.validate(full=True)  # pyarrow follows any offset that a file claims, beyond its memory too
            names: list[Any] = [None] * len(column)
            values = column
            if pa.types.is_struct(column.type):
                parts = [child.name for child in column.type]
                # Flattened, a null struct has null parts.
                flat = dict(zip(parts, column.flatten(), strict=True))
                values = flat["bytes"]
                if "path" in flat:
                    names = flat["path"].to_pylist()
            yield _spans(values, start, file.size()), names


def _spans(values: pa.Array, start: int, size: int) -> list[Span | None]:
    """The spans of the values of an array in a file that is mapped from the address ``start`` on."""
    _, offsets, data = values.buffers()
    if values.null_count == len(values) or data is None:
        return [None if not valid else Span(1, 0) for valid in values.is_valid().to_pylist()]
    if not start <= data.address <= data.address + data.size <= start + size:
        raise pa.ArrowInvalid("its buffers are compressed; write it without compression, or as Parquet")
    kind = np.int64 if pa.types.is_large_binary(values.type) else np.int32
    ends = np.frombuffer(offsets, kind)[values.offset : values.offset + len(values) + 1].astype(np.int64)
    sizes = np.diff(ends)
    if len(sizes) and (ends[0] < 0 or sizes.min() < 0 or ends[-1] > data.size):
        raise pa.ArrowInvalid("damaged: values outside of their buffer")
    begins = np.maximum(ends[:-1] + (data.address - start), 1).tolist()  # 0 would be the whole file
    spans = zip(begins, sizes.tolist(), values.is_valid().to_pylist(), strict=True)
    return [Span(begin, length) if valid else None for begin, length, valid in spans]
