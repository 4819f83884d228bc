from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from codo.core.errors import InputError
from codo.probes.pictures import middle, picture_probe


def picture(path: Path, color: tuple[int, int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((40, 60, 3), color, dtype=np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split, count in (("train", 5), ("val", 3)):
        for name, color in (("cat", (255, 0, 0)), ("dog", (0, 0, 255)), ("owl", (0, 255, 0))):
            for i in range(count):
                picture(tmp_path / split / name / f"{i}.png", color)
    return tmp_path


def test_layout_of_imagenet(folder: Path) -> None:
    probe = picture_probe(str(folder), 9, 32)
    assert list(probe.classes) == ["cat", "dog", "owl"]
    assert np.bincount(probe.train.labels).tolist() == [3, 3, 3]
    assert len(probe.val_files) == len(probe.val.labels) == 4
    assert set(probe.val_files) < set((folder / "val").rglob("*.png"))
    assert probe.val.boxes.unique(dim=0).tolist() == [[0, 0, 32, 32]]
    by_class = dict(zip(probe.train.labels.tolist(), probe.train.images[:, 0, 0].tolist(), strict=True))
    assert by_class == {0: [0, 0, 255], 1: [255, 0, 0], 2: [0, 255, 0]}  # RGB


def test_pictures_in_both_splits_are_told(folder: Path) -> None:
    (warning,) = picture_probe(str(folder), 100, 32).warnings  # one color a class: the same bytes
    assert "probes learn from 9 of the 9 images that they are judged by (the first: 0.png)" in warning
    for i, path in enumerate((folder / "val").rglob("*.png")):
        cv2.imwrite(str(path), np.full((40, 61 + i, 3), 7, dtype=np.uint8))
    assert not any(picture_probe(str(folder), 100, 32).warnings)


def test_middle_is_seven_eighths_of_the_short_side() -> None:
    image = np.arange(64 * 100, dtype=np.int64).reshape(64, 100)[..., None].astype(np.uint8)
    assert middle(image).shape[:2] == (56, 56)
    assert middle(image)[0, 0, 0] == image[4, 22, 0]
    assert middle(image[:1, :1]).shape[:2] == (1, 1)


def test_wrong_layouts_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        picture_probe(str(folder / "train"), 10, 32)
    (folder / "val" / "emu").mkdir()
    picture(folder / "val" / "emu" / "0.png", (1, 2, 3))
    with pytest.raises(InputError, match=r"1 classes of this split are not in the other \(the first: emu\)"):
        picture_probe(str(folder), 10, 32)


def test_a_picture_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "val" / "cat" / "0.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="cannot read an image"):
        picture_probe(str(folder), 1000, 32)
