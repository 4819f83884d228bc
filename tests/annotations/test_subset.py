"""Parts of a data set: their images and objects are those of the whole, and a split does not depend on order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codo.annotations.records import Annotations
from codo.annotations.source import read_annotations
from codo.annotations.subset import random_split, take, without_missing
from codo.core.errors import InputError
from tests.annotations.layouts import settings, write_coco
from tests.annotations.synthetic import coco


@pytest.fixture
def whole(tmp_path: Path) -> Annotations:
    return read_annotations(settings(write_coco(tmp_path, {"train": coco(20, seed=1)})), "train")


def described(annotations: Annotations) -> dict[str, list[tuple[int, list[float]]]]:
    """Labels and boxes of every image by its name."""
    return {
        str(annotations.file_names[i]): [
            (int(annotations.labels[row]), annotations.bbox[row].tolist())
            for row in range(annotations.offsets[i], annotations.offsets[i + 1])
        ]
        for i in range(len(annotations))
    }


def test_a_part_has_the_objects_of_its_images(whole: Annotations) -> None:
    part, all_ = take(whole, np.array([3, 7, 8])), described(whole)
    assert described(part) == {name: all_[name] for name in ("003.png", "007.png", "008.png")}
    assert part.image_ids.tolist() == whole.image_ids[[3, 7, 8]].tolist()
    rows = range(whole.offsets[7], whole.offsets[8])
    for kept, row in zip(range(part.offsets[1], part.offsets[2]), rows, strict=True):
        assert part.segmentations[kept] == whole.segmentations[row]
    assert described(take(whole, np.array([], dtype=np.int64))) == {}


def test_a_split_is_whole_disjoint_and_independent_of_order(whole: Annotations) -> None:
    train, val = (random_split(whole, side, 0.2, 0) for side in ("train", "val"))
    assert (len(train), len(val)) == (16, 4)
    assert described(train) | described(val) == described(whole)
    turned = take(whole, np.arange(len(whole))[::-1])
    assert sorted(random_split(turned, "val", 0.2, 0).file_names) == sorted(val.file_names)
    assert sorted(random_split(whole, "val", 0.2, 5).file_names) != sorted(val.file_names)
    assert "split at random into 16 train and 4 val images (data.split=0.2)" in val.notes[0]


def test_a_split_with_an_empty_side_is_refused(whole: Annotations) -> None:
    with pytest.raises(InputError, match=r"data.split=0.5 of 1 images leaves one side empty"):
        random_split(take(whole, np.array([0])), "val", 0.5, 0)


def test_missing_images_are_left_out_and_listed(whole: Annotations) -> None:
    present = np.ones(20, dtype=bool)
    assert without_missing(whole, present) is whole
    present[[2, 5]] = False
    left = without_missing(whole, present)
    assert len(left) == 18
    assert left.missing == ("002.png", "005.png")
    assert "2 of 20 images are not there and were left out (data.missing=skip)" in left.notes[0]
    with pytest.raises(InputError, match=r"none of 20 images is there; the first: 000\.png"):
        without_missing(whole, np.zeros(20, dtype=bool))
