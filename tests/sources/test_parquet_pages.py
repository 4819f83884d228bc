from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codo.catalog.reading import Location, Reader
from codo.sources.parquet_pages import Chunk, Unreadable, hybrid, locate

CODECS = {"none": "", "snappy": "snappy", "gzip": "gzip", "brotli": "brotli", "zstd": "zstd", "lz4": "lz4_raw"}


def chunk_of(path: Path, group: int = 0) -> Chunk:
    file = pq.ParquetFile(path)
    meta, levels = file.metadata.row_group(group).column(0), file.schema.column(0).max_definition_level
    first = min(filter(None, [meta.dictionary_page_offset, meta.data_page_offset]))
    codec = CODECS["none" if meta.compression == "UNCOMPRESSED" else meta.compression.lower()]
    return Chunk(first, meta.total_compressed_size, meta.num_values, codec, levels)


def located(path: Path, data: bytes | None = None, chunk: Chunk | None = None) -> list[Location | None]:
    content = path.read_bytes() if data is None else data
    return list(locate(lambda offset, size: content[offset : offset + size], str(path), chunk or chunk_of(path)))


def values(count: int = 200, nulls: bool = True) -> list[bytes | None]:
    rng = np.random.default_rng(0)
    made: list[bytes | None] = [rng.bytes(3) * int(rng.integers(0, 1000)) for _ in range(count)]
    made[7:9] = made[3:5]  # the same twice: what dictionaries are for
    if nulls:
        made[5] = made[30] = None
        made[90:120] = [None] * len(made[90:120])
    return made


def read(places: list[Location | None]) -> list[bytes | None]:
    reader = Reader()
    return [place and reader.read(place) for place in places]


@pytest.mark.parametrize(
    ("codec", "version", "dictionary"), [*itertools.product(CODECS, ["1.0", "2.0"], [True, False])]
)
def test_every_value_is_found(codec: str, version: str, dictionary: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    options = {"compression": codec, "data_page_version": version, "use_dictionary": dictionary}
    # Small pages, so that there are several, and with a dictionary some that do without it.
    pq.write_table(
        pa.table({"a": values()}),
        path,
        data_page_size=20_000,
        write_batch_size=10,
        row_group_size=150,
        dictionary_pagesize_limit=50_000,
        **options,
    )
    places = located(path) + located(path, chunk=chunk_of(path, 1))
    assert read(places) == values()
    assert all(place is None or place.is_compressed == (codec != "none") for place in places)
    pages = {place.uri for place in places if place}
    assert len(pages) == 1 if codec == "none" else len(pages) > 2


def test_columns_without_nulls_have_no_levels(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    schema = pa.schema([pa.field("a", pa.binary(), nullable=False)])
    for version in ("1.0", "2.0"):
        pq.write_table(pa.table({"a": values(nulls=False)}, schema=schema), path, data_page_version=version)
        assert chunk_of(path).levels == 0
        assert read(located(path)) == values(nulls=False)


def test_other_encodings_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    encoding = {"a": "DELTA_LENGTH_BYTE_ARRAY"}
    pq.write_table(pa.table({"a": values()}), path, use_dictionary=False, column_encoding=encoding)
    with pytest.raises(Unreadable, match="values in encoding 6"):
        located(path)


def test_damage_never_leads_outside(tmp_path: Path) -> None:
    """Whatever bytes change or lack, there are places inside of the column or `Unreadable`; nothing else."""
    path = tmp_path / "a.parquet"
    rng = np.random.default_rng(1)
    refused = 0
    for codec in ("none", "snappy"):
        pq.write_table(pa.table({"a": values(40)}), path, compression=codec, use_dictionary=codec == "snappy")
        whole, chunk = path.read_bytes(), chunk_of(path)
        for _ in range(150):
            data = bytearray(whole)
            for at in rng.integers(chunk.offset, chunk.offset + 120, 3):
                data[at] = int(rng.integers(256))
            try:
                places = located(path, bytes(data), chunk)
            except Unreadable:
                refused += 1
                continue
            for place in filter(None, places):
                assert place.is_compressed or place.offset + place.size <= chunk.offset + chunk.size
        with pytest.raises(Unreadable, match="damaged"):
            located(path, whole[: chunk.offset + chunk.size // 2], chunk)
    assert refused > 20


def test_runs_and_packed_groups_by_hand() -> None:
    # A run of five ones (head 10), then one group of eight numbers of 3 bits: 0 to 7 (the format's own example).
    packed = bytes([0b10001000, 0b11000110, 0b11111010])
    assert hybrid(bytes([10, 1]) + bytes([3]) + packed, 3, 12).tolist() == [1] * 5 + [0, 1, 2, 3, 4, 5, 6]
    assert hybrid(bytes([8]), 0, 4).tolist() == [0] * 4


@pytest.mark.parametrize(("data", "width"), [(b"", 1), (b"\x80", 1), (b"\x03", 2), (b"\x00\x01", 1), (b"\x08\x01", 40)])
def test_levels_that_end_early(data: bytes, width: int) -> None:
    with pytest.raises(Unreadable, match="damaged"):
        hybrid(data, width, 4)


def test_pages_that_compression_would_not_shrink_are_plain(tmp_path: Path) -> None:
    """Version 2 says of every page whether it is compressed; images are so already, and Arrow 20 and later see that."""
    path = tmp_path / "a.parquet"
    files = [np.random.default_rng(n).bytes(2000) for n in range(20)]
    pq.write_table(pa.table({"a": files}), path, data_page_version="2.0", compression="snappy", use_dictionary=False)
    places = located(path)
    assert read(places) == files
    compressed = any(place and place.is_compressed for place in places)
    assert compressed == (int(pa.__version__.split(".")[0]) < 20)
