from __future__ import annotations

import pyarrow as pa
import pytest

from codo.catalog.pages import Page, decompress, file_of, page_of, slow_pages_warning


def test_a_page_in_a_uri() -> None:
    page = Page("/data/odd #page=1.parquet", 4, 30, 100, "snappy")
    assert page.uri == "/data/odd #page=1.parquet#page=4,30,100,snappy"
    assert page_of(page.uri) == page
    assert file_of(page.uri) == page.file


@pytest.mark.parametrize("uri", ["/data/a.jpg", "/data/a#page=3.jpg", "s3://bucket/a.parquet", ""])
def test_other_uris_are_files(uri: str) -> None:
    assert page_of(uri) is None
    assert file_of(uri) == uri


@pytest.mark.parametrize("codec", ["snappy", "gzip", "brotli", "zstd", "lz4_raw"])
def test_every_compression(codec: str) -> None:
    text = b"some text " * 50
    data = pa.compress(text, codec, asbytes=True)
    assert decompress(data, Page("a", 0, len(data), len(text), codec)) == text


@pytest.mark.parametrize(("data", "codec", "length"), [(b"no page", "snappy", 90), (b"", "zstd", 5), (b"x", "lzo", 5)])
def test_damage_is_an_error_of_reading(data: bytes, codec: str, length: int) -> None:
    with pytest.raises(OSError, match=f"damaged page, compressed with {codec}"):
        decompress(data, Page("a", 0, len(data), length, codec))


def test_a_page_is_not_decompressed_to_more_than_a_gigabyte() -> None:
    with pytest.raises(OSError, match="over 1 GB"):
        decompress(b"x", Page("a", 0, 1, 1 << 31, "snappy"))


def test_large_pages_are_told() -> None:
    slow, fast = (Page("a.parquet", 4, 30, length, "snappy").uri for length in (5_000_000, 900_000))
    assert "compressed pages of 5.0 MB" in slow_pages_warning(["a.jpg", slow])
    assert slow_pages_warning(["a.jpg", fast]) == slow_pages_warning(["a.jpg"]) == slow_pages_warning([]) == ""
