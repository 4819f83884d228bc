"""Near-duplicates between files and catalogs, apart from equal files, with a limit that is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codo.duplicates.hashes import hashes_of_catalog
from codo.duplicates.near import near_in_catalogs, near_in_files, split_warning
from tests.duplicates.pictures import cropped, jpeg, photograph, png, resized
from tests.preparation.catalogs import quick


def write(folder: Path, files: dict[str, bytes]) -> list[Path]:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in files]


@pytest.fixture
def train(tmp_path: Path) -> list[Path]:
    return write(tmp_path / "train", {f"{number}.jpg": jpeg(photograph(number)) for number in range(5)})


@pytest.fixture
def val(tmp_path: Path) -> list[Path]:
    """A resized copy, an encoded copy, an equal file, a crop, another picture, and no picture."""
    return write(
        tmp_path / "val",
        {
            "half.jpg": jpeg(resized(photograph(0), 0.5), 60),
            "copy.png": png(photograph(1)),
            "equal.jpg": jpeg(photograph(2)),
            "crop.jpg": jpeg(cropped(photograph(3), 0.7)),
            "other.jpg": jpeg(photograph(30)),
            "none.jpg": b"no picture",
        },
    )


def test_in_files(train: list[Path], val: list[Path]) -> None:
    found = near_in_files(val, train)
    assert [(one.path.name, Path(one.other).name) for one in found] == [("half.jpg", "0.jpg"), ("copy.png", "1.jpg")]
    assert near_in_files(val, []) == near_in_files([], train) == []
    assert near_in_files(train, train) == []  # the same files


def test_an_equal_file_beside_a_copy_is_no_near_duplicate(tmp_path: Path) -> None:
    data = jpeg(photograph(1))
    train = write(tmp_path / "train", {"a.png": png(photograph(1)), "b.jpg": data})
    val = write(tmp_path / "val", {"x.jpg": data})
    assert near_in_files(val, train) == []
    assert len(near_in_files(val, train[:1])) == 1


def test_a_picture_in_tiles_is_one_picture(val: list[Path], train: list[Path], tmp_path: Path) -> None:
    tiled = quick(train[0].parent, tmp_path / "tiled", tiles=64, tile_overlap=0)
    assert len(tiled) > len(train)
    assert np.count_nonzero(hashes_of_catalog(tiled)) == len(train)
    found = near_in_catalogs(val, [tiled])
    assert [(one.path.name, one.other) for one in found] == [("half.jpg", "0.jpg"), ("copy.png", "1.jpg")]


def test_in_catalogs(train: list[Path], val: list[Path], tmp_path: Path) -> None:
    plain = quick(train[0].parent, tmp_path / "plain")
    packed = quick(train[0].parent, tmp_path / "packed", pack=64)
    found = near_in_catalogs(val, [plain])
    assert [(one.path.name, one.other) for one in found] == [("half.jpg", "0.jpg"), ("copy.png", "1.jpg")]
    # In shards the equal file is a resized copy: the caller leaves out what is equal by the hash of the source.
    assert [one.path.name for one in near_in_catalogs(val, [packed])] == ["half.jpg", "copy.png", "equal.jpg"]
    assert near_in_catalogs(val, [plain, plain]) == found  # each once
    (train[0]).unlink()
    assert [one.path.name for one in near_in_catalogs(val, [plain])] == ["copy.png"]  # it cannot be compared any more


def test_the_warning_and_its_switch(train: list[Path], val: list[Path]) -> None:
    warning = split_warning(train, val, limit=6)
    assert warning.startswith("2 of 6 evaluation images are near-duplicates (resized or encoded again) of a training")
    assert f"half.jpg is like {train[0]}" in warning
    assert split_warning(train, val[1:2], limit=6).startswith("1 of 1 evaluation images is a near-duplicate")
    assert split_warning(train, val[3:], limit=6) == ""
    assert split_warning(train, val, limit=0) == ""
    skipped = split_warning(train, val, limit=5)
    assert "not looked for among 6 images" in skipped
    assert "near_duplicates=6" in skipped
