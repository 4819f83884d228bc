from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from codo.annotations.source import DataSettings
from codo.core.errors import InputError
from codo.probes.boxes import box_probe, window
from codo.probes.sets import ProbeSet
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


def read(folder: Path, count: int = 1000, **settings: Any) -> ProbeSet:
    return box_probe(DataSettings(folder=str(folder), **settings), count, 64)


def change(folder: Path, split: str, edit: Callable[[dict[str, Any]], None]) -> None:
    """Rewrite the annotations of a split."""
    path = folder / "annotations" / f"instances_{split}.json"
    truth = json.loads(path.read_text())
    edit(truth)
    path.write_text(json.dumps(truth))


def test_images_that_are_learned_from_and_judged_by_are_told(folder: Path) -> None:
    assert not any(read(folder).warnings)
    write(folder, *coco(6), "val")  # the same six images in another folder
    (warning,) = filter(None, read(folder).warnings)
    assert "probes learn from 6 of the 6 images that they are judged by (the first: 000.png)" in warning
    shutil.rmtree(folder / "val")
    (folder / "val").symlink_to("train")
    (warning,) = filter(None, read(folder).warnings)
    assert "6 of the 6 images" in warning


def test_boxes_are_read_by_class(folder: Path) -> None:
    probe = read(folder, 6)
    assert len(probe.train.labels) == 6
    assert len(probe.val.labels) == 3
    assert probe.train.images.shape == (6, 64, 64, 3)
    assert list(probe.classes) == ["box", "disc"]
    for images, boxes, labels in ((p.images, p.boxes, p.labels) for p in (probe.train, probe.val)):
        x, y = ((boxes[:, i] + boxes[:, i + 2]).div(2).long() for i in (0, 1))
        middle = images[torch.arange(len(images)), y, x].long()
        assert torch.equal(labels, (middle[:, 2] > middle[:, 0]).long())  # boxes are painted red, discs blue


def test_judges_are_the_images_that_were_drawn(folder: Path) -> None:
    files = read(folder, 2).val_files
    assert len(files) == 1  # one box
    assert set(read(folder).val_files) == set((folder / "val").iterdir()) > set(files)


def test_crowds_and_boxes_without_area_are_left_out(folder: Path) -> None:
    def edit(truth: dict[str, Any]) -> None:
        truth["annotations"][0]["iscrowd"] = 1
        truth["annotations"][1]["bbox"][2] = 0

    everything = read(folder)
    change(folder, "train", edit)
    rest = read(folder)
    assert len(everything.train.labels) == 12
    assert torch.equal(rest.train.images, everything.train.images[2:])
    assert torch.equal(rest.val.images, everything.val.images)
    assert [text for text in rest.warnings if "with a box of zero size" in text]


def test_a_class_of_one_box_is_asked_and_one_of_one_split_is_not(folder: Path) -> None:
    def add(count: int, name: str, number: int) -> Callable[[dict[str, Any]], None]:
        def edit(truth: dict[str, Any]) -> None:
            truth["categories"].append({"id": number, "name": name})
            for annotation in truth["annotations"][:count]:
                annotation["category_id"] = number

        return edit

    for split, count in (("train", 1), ("val", 1)):
        change(folder, split, add(count, "rare", 9))
    for split, count in (("train", 0), ("val", 3)):
        change(folder, split, add(count, "unseen", 10))
    change(folder, "val", lambda truth: truth["annotations"][3].update(category_id=9))
    probe = read(folder)
    assert list(probe.classes) == ["box", "disc", "rare"]
    assert (probe.train.labels == 2).sum() == (probe.val.labels == 2).sum() == 1
    assert len(probe.val.labels) == 5


def test_a_share_of_the_labels(folder: Path) -> None:
    everything, half = read(folder), read(folder, fraction=0.5)
    assert len(half.train.labels) == 6  # of 3 images
    assert torch.equal(half.val.images, everything.val.images)
    assert torch.equal(half.train.images, read(folder, fraction=0.5).train.images)
    assert not torch.equal(half.train.images, read(folder, fraction=0.5, fraction_seed=2).train.images)


def test_splits_that_do_not_belong_together_are_refused(folder: Path) -> None:
    change(folder, "val", lambda truth: truth["annotations"].clear())
    with pytest.raises(InputError, match=r"two classes that occur in both splits; there are 0 \(none\)"):
        read(folder)
    change(folder, "val", lambda truth: truth["categories"][0].update(name="crate"))
    with pytest.raises(InputError, match="the classes of the splits differ"):
        read(folder)


def test_what_cannot_be_read_is_named(folder: Path) -> None:
    victim = min([*folder.rglob("*.jpg"), *folder.rglob("*.png")])
    victim.write_bytes(cv2.imencode(".jpg", np.zeros((9, 9, 3), dtype=np.uint8))[1].tobytes()[:60])
    with pytest.raises(InputError, match=victim.name):
        read(folder)


@pytest.mark.photographs
def test_photographs(test_data: Path) -> None:
    probe = read(test_data / "downstream" / "voc_animals", 60)
    assert len(probe.train.labels) == 60
    counts = torch.bincount(probe.train.labels, minlength=len(probe.classes))
    assert counts.min() >= 1  # 15 classes take turns, rare ones until they have no more
    assert counts.max() <= 6
    areas = (probe.train.boxes[:, 2:] - probe.train.boxes[:, :2]).prod(dim=1) / 64**2
    assert 0.4 < areas.median() < 0.6  # as pretraining shows proposals
    color = probe.scores(lambda images, boxes: images.float().mean(dim=(1, 2)))
    assert len(probe.classes) == 15
    assert color["roi/knn"] > 1.5 * color["roi/chance"]  # grass is green, and sheep are white
