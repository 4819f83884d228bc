"""Content hashes in pieces, and which files have to be looked at; that reading does is tested in test_catalog."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from codo.catalog.content import Checked, content_hash, hash_span, time_of


def test_a_span_has_the_hash_of_its_bytes(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 256, 9_000_000, dtype=np.uint8).tobytes()
    (tmp_path / "a").write_bytes(data)
    path = str(tmp_path / "a")
    assert hash_span(path, 0, -1) == hash_span(path, 0, len(data)) == content_hash(data)
    assert hash_span(path, 7, 5_000_000) == content_hash(data[7:5_000_007])
    assert hash_span(path, 7, 0) == content_hash(b"")


def test_files_that_are_later_are_due_until_they_have_passed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a")
    now = time_of(str(path))
    assert now >= path.stat().st_mtime_ns
    assert Checked(now + 1, 3).due(1, str(path)) == 0
    assert Checked(0, 3).due(1, str(path)) == 0  # the catalog has no time
    checked = Checked(now, 3)
    assert checked.due(1, str(path)) == now
    checked.passed(1, now)
    assert checked.due(1, str(path)) == 0
    assert checked.due(2, str(path)) == now
    os.utime(path, ns=(now + 5_000_000_000, now + 5_000_000_000))
    assert checked.due(1, str(path)) == now + 5_000_000_000


def test_what_has_no_time_is_never_due_unless_it_is_remote(tmp_path: Path) -> None:
    assert time_of("s3://bucket/a.jpg") == time_of(str(tmp_path / "none")) == 0
    assert Checked(1, 1).due(0, str(tmp_path / "none")) == 0
    checked = Checked(1, 1)
    for _ in range(2):
        assert checked.due(0, "s3://bucket/a.jpg")
        checked.passed(0, 1)
