"""The working directory: chunks, parts, and which of them count."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from codo.catalog.reading import Location
from codo.catalog.schema import SCHEMA
from codo.core.errors import CodoError
from codo.preparation.manifest import (
    Manifest,
    Report,
    cached_manifest,
    has_manifest,
    make_manifest,
    read_manifest,
)
from codo.preparation.prepare_settings import PrepareSettings
from codo.sources.listing import Listing, Member


def listing(count: int, stamp: int = 0) -> Listing:
    return Listing([Member(f"{i}.jpg", Location(f"/photos/{i}.jpg"), stamp) for i in range(count)], {".txt": 1}, 2, "")


def manifest_of(out: Path, count: int, **settings: object) -> Manifest:
    return make_manifest(out, ["/photos"], PrepareSettings.model_validate(settings), listing(count))


def report(chunk: int, *rejected: tuple[str, str]) -> Report:
    return Report(chunk, 8 - len(rejected), list(rejected), 0, 0, {}, 0)


@pytest.mark.parametrize(("count", "chunk", "chunks"), [(3, 8, 1), (100, 8, 13), (6400, 100, 64), (100_000, 512, 196)])
def test_chunks_are_small_for_small_sources_and_bounded_for_large_ones(
    count: int, chunk: int, chunks: int, tmp_path: Path
) -> None:
    manifest = manifest_of(tmp_path, count)
    assert (manifest.chunk_size, len(manifest)) == (chunk, chunks)
    assert sum(manifest.count(index) for index in range(chunks)) == count
    assert [item.key for item in manifest.items(chunks - 1)][-1] == f"{count - 1}.jpg"


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    assert not has_manifest(tmp_path)
    made = manifest_of(tmp_path, 20, propose=False, pack=64)
    assert has_manifest(tmp_path)
    again = read_manifest(tmp_path)
    assert again == made
    assert again.settings == PrepareSettings(propose=False, pack=64)
    assert again.listed == {"ignored": {".txt": 1}, "repeated": 2, "selected": ""}
    assert [item.name for item in again.items(0)][:2] == ["0", "1"]  # names in a packed shard


def test_only_parts_of_this_listing_and_format_count(tmp_path: Path) -> None:
    manifest = manifest_of(tmp_path, 20)
    assert manifest.report(1) is None
    manifest.write_part(report(1, ("9.jpg", "empty: zero bytes")), pa.Table.from_pylist([], SCHEMA))
    assert manifest.report(1) == report(1, ("9.jpg", "empty: zero bytes"))
    other = make_manifest(tmp_path, ["/photos"], PrepareSettings(), listing(20, stamp=1))
    assert other.report(1) is None
    path = manifest.part(1)
    path.write_bytes(path.read_bytes()[:50])
    assert manifest.report(1) is None


def test_chunks_with_rejections_are_looked_at_again(tmp_path: Path) -> None:
    manifest = manifest_of(tmp_path, 20)
    for one in (report(0), report(1, ("9.jpg", "empty: zero bytes"))):
        manifest.write_part(one, pa.Table.from_pylist([], SCHEMA))
    manifest.forget_rejected()
    assert [manifest.report(index) is None for index in range(3)] == [False, True, True]


def test_a_worker_notices_that_the_listing_was_replaced(tmp_path: Path) -> None:
    key = manifest_of(tmp_path, 20).key
    assert cached_manifest(str(tmp_path), key).key == key
    make_manifest(tmp_path, ["/photos"], PrepareSettings(), listing(20, stamp=1))
    cached_manifest.cache_clear()
    with pytest.raises(CodoError, match="another process"):
        cached_manifest(str(tmp_path), key)


def test_the_files_keep_their_names(tmp_path: Path) -> None:
    """A preparation that an earlier version has begun is continued."""
    manifest_of(tmp_path, 20)
    assert {path.name for path in (tmp_path / ".work").iterdir()} == {"plan.json", "listing.arrow"}
    written = json.loads((tmp_path / ".work" / "plan.json").read_text())
    assert written.keys() == {"source", "settings", "fingerprint", "chunk", "listed"}
