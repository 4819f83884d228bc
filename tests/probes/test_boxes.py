from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from codo.annotations.source import DataSettings
from codo.errors import InputError
from codo.probes.boxes import box_probe, window
from tests.annotations.synthetic import coco, write


def test_window_by_hand() -> None:
    # A box of 20 x 40 in the middle: a window of 30 x 60 around it, at (35, 20).
    image = np.zeros((100, 100, 3), dtype=np.uint8)
    image[30:70, 40:60] = 255
    shown, box = window(image, np.array([40, 30, 60, 70], dtype=np.float32), 60)
    assert box.tolist() == [10, 10, 50, 50]
    assert shown[12:48, 12:48].min() == 255
    assert shown[:8].max() == 0


def test_window_is_moved_into_the_image_and_never_loses_the_box() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        height, width = (int(side) for side in rng.integers(1, 90, 2))
        x, y = np.sort(rng.uniform(0, width, 2)), np.sort(rng.uniform(0, height, 2))
        box = np.array([x[0], y[0], x[1], y[1]], dtype=np.float32)
        shown, moved = window(rng.integers(0, 255, (height, width, 3), dtype=np.uint8), box, 32)
        assert shown.shape == (32, 32, 3)
        assert moved.min() >= -1e-3
        assert moved.max() <= 32 + 1e-3
        assert (moved[2:] >= moved[:2]).all()


def test_a_box_of_everything_is_the_whole_canvas() -> None:
    _, box = window(np.zeros((7, 5, 3), dtype=np.uint8), np.array([0, 0, 5, 7], dtype=np.float32), 64)
    assert box.tolist() == [0, 0, 64, 64]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, *coco(6), "train")
    write(tmp_path, *coco(4, seed=1), "val")
    return tmp_path


def test_boxes_are_read_by_class(folder: Path) -> None:
    probe, val = box_probe(DataSettings(folder=str(folder)), 6, 64)
    assert len(val) == 4
    assert len(probe.train.labels) == 6
    assert len(probe.val.labels) == 3
    assert probe.train.images.shape == (6, 64, 64, 3)
    assert set(probe.train.labels.tolist()) <= set(range(len(probe.classes)))


def test_what_cannot_be_read_is_named(folder: Path) -> None:
    victim = min([*folder.rglob("*.jpg"), *folder.rglob("*.png")])
    victim.write_bytes(cv2.imencode(".jpg", np.zeros((9, 9, 3), dtype=np.uint8))[1].tobytes()[:60])
    with pytest.raises(InputError, match="cannot read an image"):
        box_probe(DataSettings(folder=str(folder)), 1000, 64)
