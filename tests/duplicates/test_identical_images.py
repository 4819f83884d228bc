"""Pictures with equal bytes are found under other names, and nothing but them."""

from __future__ import annotations

from pathlib import Path

from codo.duplicates.identical_images import identical_files


def write(folder: Path, **files: bytes) -> list[Path]:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in files]


def test_equal_bytes_are_found_and_other_files_are_not(tmp_path: Path) -> None:
    long = bytes(range(256)) * 40
    train = write(tmp_path / "train", a=long, b=b"b" + long[1:], c=b"short", d=b"")
    val = write(tmp_path / "val", x=b"b" + long[1:], y=b"c" + long[1:], z=b"other", w=b"", v=b"short")
    assert identical_files(train, val) == [(val[0], train[1]), (val[4], train[2])]


def test_the_same_file_and_missing_ones_are_not_counted(tmp_path: Path) -> None:
    train = write(tmp_path / "train", a=b"1234")
    (tmp_path / "link").symlink_to(tmp_path / "train")
    assert identical_files(train, train) == []
    assert identical_files(train, [tmp_path / "link" / "a", tmp_path / "none"]) == []
    assert identical_files([tmp_path / "none"], train) == []
