"""Hashes are those of each image, come from the cache the second time, and anew when a file changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codo.duplicates import hashes
from codo.duplicates.hashes import hashes_of_catalog, hashes_of_files
from codo.duplicates.perceptual import NOTHING, perceptual_hash, thumbnail
from codo.preparation.cache import entries
from tests.duplicates.pictures import jpeg, photograph
from tests.preparation.catalogs import quick


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setenv("CODO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hashes, "KEPT", 3)
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(jpeg(photograph(number, 120, 90)))
    return sorted(folder.iterdir())


def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashes, "thumbnail", lambda data: pytest.fail("read again"))


def test_files(files: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = hashes_of_files(files)
    assert found.tolist() == [int(perceptual_hash(thumbnail(path.read_bytes()))) for path in files]
    assert [entry.source for entry in entries()] == ["hashes of images, for near-duplicates"]
    with monkeypatch.context() as patch:
        unread(patch)
        assert np.array_equal(hashes_of_files(files), found)
    files[1].write_bytes(jpeg(photograph(9, 120, 90)))
    changed = hashes_of_files(files)
    assert (changed == found).tolist() == [True, False, True]
    assert hashes_of_files([*files[:1], tmp_path / "none", *files[2:]])[1] == NOTHING


def test_a_catalog_has_the_hashes_of_its_images(
    files: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    catalog = quick(files[0].parent, tmp_path / "out")
    found = hashes_of_catalog(catalog)
    assert np.array_equal(found, hashes_of_files(files))
    files[0].write_bytes(jpeg(photograph(8, 120, 90)))
    other = quick(files[0].parent, tmp_path / "other")  # as many images, one of them another
    assert (hashes_of_catalog(other) == found).tolist() == [False, True, True]
    unread(monkeypatch)
    assert np.array_equal(hashes_of_catalog(catalog), found)


def test_a_cache_that_is_damaged_or_cannot_be_written_does_not_matter(
    files: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = hashes_of_files(files)
    (kept,) = (tmp_path / "cache/perceptual").iterdir()
    kept.write_bytes(kept.read_bytes()[:40])
    assert np.array_equal(hashes_of_files(files), found)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CODO_CACHE", str(tmp_path / "file"))
    assert np.array_equal(hashes_of_files(files), found)


def test_small_sets_are_not_kept(files: list[Path], tmp_path: Path) -> None:
    hashes_of_files(files[:2])
    assert not (tmp_path / "cache").exists()
