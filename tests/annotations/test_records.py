"""The form that every reader fills, on three images and five objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codo.annotations.assemble import assemble
from codo.annotations.records import Annotations, Category


@pytest.fixture
def annotations() -> Annotations:
    """Image 0 has a crowd region and an object over its edge, image 1 nothing, image 2 one of each kind."""
    return assemble(
        Path("file.json"),
        image_ids=np.array([10, 20, 30]),
        file_names=["a.jpg", "b.jpg", "c.jpg"],
        sizes=np.array([[50, 100]] * 3, dtype=np.int32),  # height, width
        categories=(Category(4, "cat"), Category(9, "dog")),
        of_image=np.array([2, 0, 2, 0, 2]),
        bbox=np.array([[1, 1, 8, 8], [0, 0, 9, 9], [5, 5, 0, 9], [95, -1, 7, 11], [20, 10, 30, 40]], dtype=np.float64),
        labels=np.array([1, 2, 1, 2, 1]),
        crowd=np.array([False, True, False, False, False]),
        areas=np.array([64, 81, 0, 77, 1200], dtype=np.float64),
        object_ids=np.array([1, 2, 3, 4, 5]),
        outlines=[None] * 5,
        difficult=np.array([True, False, False, False, False]),
    )


def test_objects_are_sorted_by_image_and_keep_their_order(annotations: Annotations) -> None:
    assert annotations.object_ids.tolist() == [2, 4, 1, 3, 5]
    assert annotations.offsets.tolist() == [0, 2, 2, 5]
    assert annotations.of_image().tolist() == [0, 0, 2, 2, 2]
    assert [annotations.name_of(row) for row in range(5)] == ["a.jpg"] * 2 + ["c.jpg"] * 3


def test_crowds_difficult_and_flat_objects_are_not_learned(annotations: Annotations) -> None:
    assert [annotations.learnable(i).tolist() for i in range(3)] == [[1], [], [4]]
    assert np.flatnonzero(annotations.trainable()).tolist() == [1, 4]
    assert annotations.images_with_objects().tolist() == [0, 2]


def test_boxes_are_clipped_to_their_image(annotations: Annotations) -> None:
    assert annotations.boxes(annotations.objects(0), 0).tolist() == [[0, 0, 9, 9], [95, 0, 100, 10]]


def test_for_coco_difficult_objects_are_crowd_regions_and_ids_start_at_1(annotations: Annotations) -> None:
    truth = annotations.to_coco()
    assert [(a["id"], a["image_id"], a["iscrowd"]) for a in truth["annotations"]] == [
        (1, 10, 1),
        (2, 10, 0),
        (3, 30, 1),
        (4, 30, 0),
        (5, 30, 0),
    ]
    assert [a["category_id"] for a in truth["annotations"]] == [9, 9, 4, 4, 4]
    assert truth["categories"] == [{"id": 4, "name": "cat"}, {"id": 9, "name": "dog"}]


def test_without_a_folder_there_are_no_paths(annotations: Annotations) -> None:
    with pytest.raises(ValueError, match="without images"):
        annotations.path(0)
