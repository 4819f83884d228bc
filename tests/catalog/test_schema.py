"""The catalog's format."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq

from codo.catalog import schema


def test_the_format_is_documented_where_it_is_written(catalog: Path, photos: Path) -> None:
    written = pq.read_schema(catalog / schema.FILE)
    assert written.names == schema.SCHEMA.names
    info = json.loads(written.metadata[b"codo"])
    for name in [*written.names, *info, *info["counts"]]:
        assert name in (schema.__doc__ or ""), f"{name} is not documented"
    assert (info["format"], info["source"]) == (2, [str(photos)])


def test_the_columns_and_files_that_other_programs_read_keep_their_names() -> None:
    assert schema.SCHEMA.names == [
        "key",
        "uri",
        "offset",
        "size",
        "compression",
        "orientation",
        "width",
        "height",
        "hash",
        "proposals",
        "rung",
    ]
    assert (schema.FILE, schema.REJECTED, schema.UNFINISHED) == ("catalog.parquet", "rejected.csv", ".work")
