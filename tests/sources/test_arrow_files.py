from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pytest

from codo.sources.arrow_files import image_spans

FILES: list[bytes | None] = [b"one", b"", None, b"three " * 50, b"4"]


def spans(path: Path) -> tuple[list[bytes | None], list[object]]:
    data, found, names = path.read_bytes(), [], []
    for some, paths in image_spans(str(path), lambda schema: schema.field(0)):
        found += [span and data[span.offset : span.offset + span.size] for span in some]
        names += paths
    return found, names


def table(kind: pa.DataType) -> pa.Table:
    struct = pa.struct([("path", pa.string()), ("bytes", kind)])
    rows = [{"path": str(i), "bytes": file} for i, file in enumerate(FILES)]
    return pa.table({"image": pa.array([*rows, None], struct)})


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
@pytest.mark.parametrize("stream", [True, False])
def test_values_are_where_they_lie(kind: pa.DataType, stream: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    for batch in (2, 100):
        with (pa.ipc.new_stream if stream else pa.ipc.new_file)(path, table(kind).schema) as writer:
            writer.write_table(table(kind), max_chunksize=batch)
        assert spans(path) == ([*FILES, None], ["0", "1", "2", "3", "4", None])


def test_a_plain_column_has_no_names(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    with pa.ipc.new_stream(path, pa.schema([("a", pa.binary())])) as writer:
        writer.write_table(pa.table({"a": FILES}))
        writer.write_table(pa.table({"a": pa.array([None, None], pa.binary())}))
    assert spans(path) == ([*FILES, None, None], [None] * 7)


def test_offsets_out_of_order_are_refused(tmp_path: Path) -> None:
    """Pyarrow writes what it is given; nothing is read from where such offsets point."""
    offsets = pa.py_buffer(np.array([0, 3, 1, 4], np.int32))
    values = pa.Array.from_buffers(pa.binary(), 3, [None, offsets, pa.py_buffer(b"abcd")])
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), pa.schema([("image", pa.binary())])) as writer:
        writer.write_batch(pa.record_batch([values], names=["image"]))
    with pytest.raises(pa.ArrowInvalid):
        spans(tmp_path / "a.arrow")


def test_compressed_and_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    pyarrow.feather.write_feather(table(pa.binary()), path, compression="lz4")
    with pytest.raises(pa.ArrowInvalid, match="compressed"):
        spans(path)
    for data in (b"", b"no arrow", path.read_bytes()[:100]):
        path.write_bytes(data)
        with pytest.raises(pa.ArrowInvalid):
            spans(path)
