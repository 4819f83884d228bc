"""Tables of images written for tests, in the layouts of Hugging Face's `datasets` and of plain pyarrow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_FEATURES = {"info": {"features": {"image": {"_type": "Image"}, "label": {"dtype": "int64", "_type": "Value"}}}}


def image_table(files: Sequence[tuple[str | None, bytes | None] | None]) -> pa.Table:
    """A table with a column ``image`` of names and bytes, and labels beside it."""
    images = [None if file is None else {"bytes": file[1], "path": file[0]} for file in files]
    schema = pa.schema([("image", IMAGE), ("label", pa.int64())], metadata={"huggingface": json.dumps(_FEATURES)})
    return pa.table([pa.array(images, IMAGE), pa.array(range(len(files)), pa.int64())], schema=schema)


def write_as_datasets(path: Path, table: pa.Table, group: int = 100) -> Path:
    """As datasets 5.2.0 writes Parquet: bytes of images PLAIN and not compressed, the rest with snappy."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {
        "compression": {"image.bytes": "none", "image.path": "none", "label": "snappy"},
        "use_dictionary": ["label"],
        "column_encoding": {"image.bytes": "PLAIN", "image.path": "PLAIN"},
    }
    with pq.ParquetWriter(path, table.schema, **options) as writer:
        for begin in range(0, table.num_rows, group):
            writer.write_table(table.slice(begin, group))
    return path


def save_to_disk(folder: Path, table: pa.Table, batch: int = 10) -> Path:
    """As ``Dataset.save_to_disk`` of datasets 5.2.0: a stream of Arrow, and two JSON files."""
    folder.mkdir(parents=True)
    with pa.ipc.new_stream(folder / "data-00000-of-00001.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=batch)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
    (folder / "dataset_info.json").write_text(json.dumps(_FEATURES["info"]))
    return folder
