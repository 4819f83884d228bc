"""A catalog's Parquet file as arrays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codo.catalog.catalog import open_catalog
from codo.catalog.schema import FILE
from codo.catalog.table import bytes_of, open_file, read_table
from codo.core.errors import InputError


def test_boxes_are_words_in_the_file_and_can_be_read_without_codo(catalog: Path) -> None:
    column = pq.read_table(catalog / "catalog.parquet").column("proposals").combine_chunks()
    starts, boxes = column.offsets.to_numpy(), column.values.to_numpy().view("<u2").reshape(-1, 4)
    opened = open_catalog(catalog)
    for i in range(len(opened)):
        assert np.array_equal(boxes[starts[i] : starts[i + 1]], opened.proposals(i))


def test_catalogs_of_format_1_are_read(catalog: Path, tmp_path: Path) -> None:
    opened, table = open_catalog(catalog), pq.read_table(catalog / "catalog.parquet")
    sides = pa.large_list(pa.field("element", pa.uint16(), nullable=False))
    old = pa.array([opened.proposals(i).ravel().tolist() for i in range(len(opened))], sides)
    info = {"codo": json.dumps(json.loads(table.schema.metadata[b"codo"]) | {"format": 1})}
    table = table.set_column(table.schema.get_field_index("proposals"), pa.field("proposals", sides), old)
    pq.write_table(table.replace_schema_metadata(info), tmp_path / "catalog.parquet", row_group_size=3)
    again = open_catalog(tmp_path)
    for i in range(len(opened)):
        assert np.array_equal(again.proposals(i), opened.proposals(i))


def test_row_groups_are_joined(catalog: Path, tmp_path: Path) -> None:
    """Read by several threads, in the order of the file; columns that are not asked for stay unread."""
    buffer, info = open_file(str(catalog / FILE))
    whole = read_table(buffer, ["key"], proposals=True)
    pq.write_table(pq.read_table(catalog / FILE), tmp_path / FILE, row_group_size=5)
    again = read_table(open_file(str(tmp_path / FILE))[0], ["key"], proposals=True)
    assert again.columns["key"].to_pylist() == whole.columns["key"].to_pylist()
    assert whole.columns.keys() == {"key"}
    assert whole.proposals is not None
    assert again.proposals is not None
    starts, boxes = whole.proposals
    assert len(boxes) == starts[-1] == info["counts"]["proposals"]
    assert all(np.array_equal(one, other) for one, other in zip(again.proposals, whole.proposals, strict=True))
    assert read_table(buffer, ["key"], proposals=False).proposals is None


def test_a_missing_column_or_metadata_is_an_error(catalog: Path, tmp_path: Path) -> None:
    buffer, _ = open_file(str(catalog / FILE))
    with pytest.raises(KeyError):
        read_table(buffer, ["no such column"], proposals=False)
    pq.write_table(pq.read_table(catalog / FILE).replace_schema_metadata({"other": "x"}), tmp_path / FILE)
    with pytest.raises(KeyError):
        open_file(str(tmp_path / FILE))


@pytest.mark.parametrize("count", ["rejected", "ignored", "proposals"])
def test_metadata_without_counts_or_with_other_values_is_an_error(count: str, catalog: Path, tmp_path: Path) -> None:
    """They are looked at when the catalog is opened, not when a command that used it sums up."""
    table = pq.read_table(catalog / FILE)
    for change in ("missing", "text"):
        info = json.loads(table.schema.metadata[b"codo"])
        info["counts"] |= {count: "many"}
        if change == "missing":
            del info["counts"][count]
        pq.write_table(table.replace_schema_metadata({"codo": json.dumps(info)}), tmp_path / FILE)
        with pytest.raises(InputError, match="the catalog cannot be read"):
            open_catalog(tmp_path)


def test_a_table_without_its_proposals_is_no_catalog(catalog: Path, tmp_path: Path) -> None:
    (tmp_path / "cut").mkdir()
    table = pq.read_table(catalog / FILE)
    pq.write_table(table.drop_columns(["proposals"]), tmp_path / "cut" / FILE)
    with pytest.raises(InputError, match="the catalog cannot be read"):
        open_catalog(tmp_path / "cut")


def test_names_that_are_no_text_are_an_error(catalog: Path, tmp_path: Path) -> None:
    table = pq.read_table(catalog / "catalog.parquet")
    as_bytes = table.column("uri").cast(pa.large_binary())
    table = table.set_column(table.schema.get_field_index("uri"), "uri", as_bytes)
    pq.write_table(table, tmp_path / "other.parquet")
    with pytest.raises(ValueError, match="the column uri holds large_binary, not text"):
        read_table(open_file(str(tmp_path / "other.parquet"))[0], ["key", "uri"], proposals=False)


def test_fixed_size_binaries_are_viewed_not_copied() -> None:
    array = pa.array([b"ab", b"cd", b"ef"], pa.binary(2))
    assert bytes_of(array).tolist() == [[97, 98], [99, 100], [101, 102]]
    assert bytes_of(array[1:]).tolist() == [[99, 100], [101, 102]]
    assert bytes_of(array).base is not None
