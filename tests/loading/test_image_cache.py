"""How many decoded images are kept: by setting, by memory, by length of the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.catalog.catalog import Catalog
from codo.loading import image_cache
from codo.loading.image_cache import cache_size, keep_decoded
from codo.preparation.prepare import prepare
from tests.catalog.pictures import jpeg, write_folder

BYTES = 3 * 40 * 36


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """Ten images of 40 x 36 pixels."""
    folder = write_folder(tmp_path / "source", {f"{i}.jpg": jpeg(i, 40, 36) for i in range(10)})
    return prepare(folder, tmp_path / "catalog", propose=False, jobs=1, progress=False)


def kept(catalog: Catalog) -> int:
    """How many of the images have a place in memory."""
    return len(catalog._decoded) if catalog._decoded is not None else 0


def available(monkeypatch: pytest.MonkeyPatch, size: int | None) -> None:
    monkeypatch.setattr(image_cache, "available_memory", lambda: size)


@pytest.mark.parametrize(
    ("setting", "size"),
    [("off", 0), ("2GB", 2 * 10**9), ("1.5 gb", 1_500_000_000), ("500MB", 5 * 10**8), ("8kB", 8000), ("1TB", 10**12)],
)
def test_sizes(setting: str, size: int) -> None:
    assert cache_size(setting) == size


@pytest.mark.parametrize("setting", ["on", "2", "GB", "-1GB", "2 GiBs", ""])
def test_no_sizes(setting: str) -> None:
    with pytest.raises(ValueError, match="such as 500MB"):
        cache_size(setting)


def test_off(catalog: Catalog) -> None:
    assert keep_decoded([catalog], "off", looks=100, workers=0) == ""
    assert kept(catalog) == 0


def test_a_size_limits(catalog: Catalog) -> None:
    note = keep_decoded([catalog], f"{4 * BYTES / 1000}kB", looks=1, workers=0)
    assert kept(catalog) == 4
    assert "4 of the images are kept" in note


def test_auto_takes_a_quarter_of_the_memory(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    available(monkeypatch, 4 * 7 * BYTES)
    assert "7 of the images" in keep_decoded([catalog], "auto", looks=5, workers=0)
    assert kept(catalog) == 7


def test_ranks_share_the_memory(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    available(monkeypatch, 4 * 20 * BYTES)
    keep_decoded([catalog], "auto", looks=5, workers=0, ranks=2)
    assert kept(catalog) == 10
    keep_decoded([catalog], "auto", looks=5, workers=0, ranks=3)
    assert kept(catalog) == 6


def test_auto_is_off_where_most_images_do_not_fit(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    available(monkeypatch, 4 * 4 * BYTES)
    assert "off" in keep_decoded([catalog], "auto", looks=5, workers=0)
    assert kept(catalog) == 0
    available(monkeypatch, None)  # another system
    keep_decoded([catalog], "auto", looks=5, workers=0)
    assert kept(catalog) == 0


def test_auto_is_off_where_images_are_seen_once(catalog: Catalog) -> None:
    assert keep_decoded([catalog], "auto", looks=1.5, workers=0) == ""
    assert kept(catalog) == 0


def test_two_catalogs_keep_the_same_share(catalog: Catalog, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "others", {f"{i}.jpg": jpeg(i, 40, 36) for i in range(20, 40)})
    other = prepare(folder, tmp_path / "other", propose=False, jobs=1, progress=False)
    keep_decoded([catalog, other], f"{15 * BYTES / 1000}kB", looks=5, workers=0)
    assert (kept(catalog), kept(other)) == (5, 10)


def test_workers_that_are_not_forked_decode(catalog: Catalog) -> None:
    note = keep_decoded([catalog], "1GB", looks=5, workers=2, start_method="spawn")
    assert "not forked" in note
    assert kept(catalog) == 0
    assert "kept in memory" in keep_decoded([catalog], "1GB", looks=5, workers=0, start_method="spawn")
