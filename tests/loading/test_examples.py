"""Examples as a file of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from codo.loading.examples import FILE, Examples

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 8, 3), dtype=np.uint8)


def test_written_and_read(tmp_path: Path) -> None:
    Examples(IMAGES, ("input", "answer", "truth"), "what is shown").write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    found = Examples.read(tmp_path)
    assert found is not None
    assert np.array_equal(found.images, IMAGES)
    assert (found.columns, found.caption) == (("input", "answer", "truth"), "what is shown")


def test_missing_and_broken_files_are_none(tmp_path: Path) -> None:
    assert Examples.read(tmp_path) is None
    (tmp_path / FILE).write_bytes(b"PK\x03\x04 torn")
    assert Examples.read(tmp_path) is None
    np.savez(tmp_path / FILE, images=IMAGES)
    assert Examples.read(tmp_path) is None
