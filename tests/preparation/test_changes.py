"""Images that change, vanish and appear after ``codo prepare``, told when it is run again."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from codo.core.errors import CodoError
from codo.preparation import changes
from codo.preparation.changes import Changes, find_changes
from codo.preparation.prepare import prepare
from codo.sources.source import list_sources
from tests.catalog.pictures import encode, jpeg, jpegs, picture, write_folder
from tests.preparation.catalogs import quick
from tests.rasters.files import tiff


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "s", {**jpegs(3), "bad.jpg": b"no image"})


def found(source: Path, out: Path) -> Changes:
    return find_changes(quick(source, out, max_rejected=0.5), list_sources([str(source)]))


def touch(path: Path) -> None:
    """Make a file newer than any catalog."""
    later = time.time() + 100
    os.utime(path, (later, later))


def test_nothing_changed(source: Path, tmp_path: Path) -> None:
    assert found(source, tmp_path / "out") == Changes([], [], [])
    for path in source.iterdir():  # a copy of the folder: new times, old bytes
        touch(path)
    assert found(source, tmp_path / "out") == Changes([], [], [])
    assert found(source, tmp_path / "out").words() is None


def test_another_size_another_content_of_the_same_size_gone_and_new(source: Path, tmp_path: Path) -> None:
    quick(source, tmp_path / "out", max_rejected=0.5)
    (source / "000.jpg").write_bytes(jpeg(50) + b"more")
    data = bytearray((source / "001.jpg").read_bytes())
    data[len(data) // 2] ^= 1
    (source / "001.jpg").write_bytes(data)
    touch(source / "001.jpg")
    (source / "002.jpg").unlink()
    write_folder(source, {"new/x.jpg": jpeg(9), "notes.txt": b"x", "without": b"x"})
    expected = Changes(["000.jpg", "001.jpg"], ["002.jpg"], ["new/x.jpg"])
    assert found(source, tmp_path / "out") == expected
    assert expected.words() == (
        "2 images changed (the first: 000.jpg); 1 image gone (the first: 002.jpg); 1 image new (the first: new/x.jpg)"
    )


def test_pictures_in_tiles_count_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = write_folder(tmp_path / "s", {"a.jpg": jpeg(1, 150, 100), "small.jpg": jpeg(2)})
    given: dict[str, Any] = {"propose": False, "jobs": 1, "tiles": 64, "tile_overlap": 0}
    assert len(prepare(source, tmp_path / "out", **given)) > 2
    prepare(source, tmp_path / "out", **given)
    assert "WARNING" not in capfd.readouterr().err
    data = bytearray((source / "a.jpg").read_bytes())
    data[-10] ^= 1
    (source / "a.jpg").write_bytes(data)
    prepare(source, tmp_path / "out", **given)
    assert "made: 1 image changed (the first: a.jpg); to use" in capfd.readouterr().err


def test_names_that_look_like_those_of_tiles(tmp_path: Path) -> None:
    names = ["a#xywh=0,0,64,64", "b#xywh=1.jpg"]
    source = write_folder(tmp_path / "s", {names[0]: jpeg(1, 150, 100), names[1]: jpeg(2)})
    catalog = quick(source, tmp_path / "out", tiles=64)
    assert [catalog.picture(i) for i in range(len(catalog))] == [names[0]] * 6 + [names[1]]
    assert found(source, tmp_path / "whole") == Changes([], [], [])
    assert find_changes(catalog, list_sources([str(source)])) == Changes([], [], [])


def test_a_picture_in_tiles_that_is_too_large_to_be_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tiff(picture(1, 150, 100), tile=(32, 48), photometric="rgb")
    source = write_folder(tmp_path / "s", {"a.tif": data})
    catalog = quick(source, tmp_path / "out", tiles=64)
    touch(source / "a.tif")
    monkeypatch.setattr("codo.catalog.reading.LARGEST_FILE", len(data) - 1)
    assert find_changes(catalog, list_sources([str(source)])) == Changes([], [], [])
    (source / "a.tif").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    touch(source / "a.tif")
    assert find_changes(catalog, list_sources([str(source)])).changed == ["a.tif"]


def test_only_so_many_files_are_read(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "MOST_READ", 1)
    catalog = quick(source, tmp_path / "out", max_rejected=0.5)
    for name in ("000.jpg", "001.jpg"):
        data = bytearray((source / name).read_bytes())
        data[-10] ^= 1
        (source / name).write_bytes(data)
        touch(source / name)
    assert find_changes(catalog, list_sources([str(source)])).changed == ["000.jpg"]


def test_prepare_again_says_so_and_opens_the_old_catalog(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, Any] = {"max_rejected": 0.5, "propose": False, "jobs": 1}
    prepare(source, tmp_path / "out", **given)
    prepare(source, tmp_path / "out", **given)
    assert "WARNING" not in capfd.readouterr().err
    before = (tmp_path / "out/catalog.parquet").read_bytes()
    write_folder(source, {"x.jpg": jpeg(9)})
    assert len(prepare(source, tmp_path / "out", **given)) == 3
    assert "WARNING since this catalog was made: 1 image new (the first: x.jpg)" in capfd.readouterr().err
    assert (tmp_path / "out/catalog.parquet").read_bytes() == before
    prepare(source, tmp_path / "out", progress=False, **given)
    assert "WARNING" not in capfd.readouterr().err
    source.rename(tmp_path / "moved")
    prepare(source, tmp_path / "out", **given)
    assert "no such file or folder" in capfd.readouterr().err


def test_a_packed_catalog_does_not_depend_on_its_source(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, Any] = {"max_rejected": 0.5, "propose": False, "jobs": 1, "pack": 64}
    prepare(source, tmp_path / "out", **given)
    (source / "000.jpg").unlink()
    prepare(source, tmp_path / "out", **given)
    assert "WARNING" not in capfd.readouterr().err


def test_a_picture_of_another_size_is_found_in_training(source: Path, tmp_path: Path) -> None:
    """Reading checks length and pixels, so that a run stops by name instead of learning from another picture."""
    catalog = quick(source, tmp_path / "out", max_rejected=0.5)
    (source / "000.jpg").write_bytes(encode(picture(70, 90)))
    with pytest.raises(CodoError, match=r"'000\.jpg' has vanished or changed since codo prepare"):
        catalog.image(0)
