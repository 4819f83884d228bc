"""Content hashes in pieces; a row's fields are tested where they are read (test_chunk_worker, test_tiling)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from codo.preparation.rows import Specials, content_hash, hash_span
from codo.rasters.levels import Depth


def test_a_span_has_the_hash_of_its_bytes(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 256, 9_000_000, dtype=np.uint8).tobytes()
    (tmp_path / "a").write_bytes(data)
    path = str(tmp_path / "a")
    assert hash_span(path, 0, -1) == hash_span(path, 0, len(data)) == content_hash(data)
    assert hash_span(path, 7, 5_000_000) == content_hash(data[7:5_000_007])
    assert hash_span(path, 7, 0) == content_hash(b"")


def test_special_pictures_are_counted() -> None:
    specials = Specials()
    for depth, bands in ((None, 0), (Depth(0, 1, 2, 0.5), 5), (None, 5)):
        specials.add(depth, bands)
    assert (len(specials.depths), specials.bands) == (1, {5: 2})
