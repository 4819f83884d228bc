"""Listings beyond what is kept in memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codo.core.errors import CodoError
from codo.sources import spool as module
from codo.sources.spool import spool
from tests.catalog.pictures import jpegs, write_folder
from tests.sources.listings import listed


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 10)
    monkeypatch.setattr(module, "BATCH", 3)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("count", [10, 11, 35])
def test_rows_come_back_as_often_as_wanted(count: int) -> None:
    rows = [(f"{7 * i % count:02d}", i, "\udce9") for i in range(count)]
    kept, in_order = spool(iter(rows)), spool(iter(rows), sort=True)
    assert isinstance(kept, list) == (count == 10)
    for _ in range(2):
        assert list(kept) == rows
        assert list(in_order) == sorted(rows)
    assert len(kept) == len(in_order) == count
    assert rows[-1] in in_order
    assert ("x", 0, "") not in in_order
    assert [a == b for a, b in zip(kept, kept, strict=True)] == [True] * count  # two iterations at a time


def test_a_large_listing_is_that_of_a_small_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):  # the same keys in both
        write_folder(tmp_path / name, jpegs(13))
    os.symlink("000.jpg", tmp_path / "one" / "a link.jpg")
    (tmp_path / "one" / "notes.txt").touch()
    sources = [tmp_path / "one", tmp_path / "two", tmp_path / "two"]
    expected = listed(*sources)
    monkeypatch.setattr(module, "IN_MEMORY", 10)
    found = listed(*sources)
    assert not isinstance(found.members, list)
    assert list(found.members) == list(expected.members)
    assert found.fingerprint() == expected.fingerprint()
    assert (found.repeated, found.ignored) == (expected.repeated, expected.ignored) == (14, {".txt": 1})
    assert {"000.jpg", "two/000.jpg"} <= {member.key for member in found.members}


def test_a_temporary_folder_that_is_full_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 1)
    monkeypatch.setattr(module.tempfile, "TemporaryFile", lambda: open("/dev/full", "wb"))  # noqa: SIM115
    with pytest.raises(CodoError, match="no space left on device"):
        spool(("a",) for _ in range(3))
