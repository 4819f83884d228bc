"""Joining detections with the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codo.core.errors import InputError
from codo.geometry.segmentations import encode
from tests.evaluation.assignments import detections_of, result, truth_of

SQUARE = [[20.0, 20, 40, 20, 40, 40, 20, 40]]


def rectangle(x: int, y: int, w: int, h: int) -> dict[str, object]:
    mask = np.zeros((200, 240), np.uint8)
    mask[y : y + h, x : x + w] = 1
    return encode(mask)


def test_images_by_id_and_detections_by_score(tmp_path: Path) -> None:
    truth = truth_of([(2, 9, [1, 2, 10, 20]), (1, 4, [5, 5, 30, 30])])
    truth["images"].reverse()
    results = [result(2, 9, [40, 2, 10, 20], 0.1), result(2, 4, [1, 2, 10, 20], 0.9), result(2, 9, [0, 0, 5, 5], 0.9)]
    joined = detections_of(tmp_path, truth, results)
    assert joined.classes == ["cat", "dog"]
    assert [image_result.name for image_result in joined.image_results] == ["1.jpg", "2.jpg"]
    image_result = joined.image_results[1]
    assert image_result.file == tmp_path / "2.jpg"
    assert image_result.size == (240, 200)
    assert [obj.box for obj in image_result.truth] == [(1, 2, 11, 22)]
    assert [(obj.label, obj.score) for obj in image_result.found] == [(0, 0.9), (1, 0.9), (1, 0.1)]
    assert image_result.same.tolist() == [[False], [True], [True]]
    assert image_result.table == pytest.approx(np.array([[1], [12 / 213], [0]]))  # 4 x 3 of 200 + 25
    assert image_result.crowd.tolist() == [False]


def test_more_than_a_hundred_of_a_class_are_dropped(tmp_path: Path) -> None:
    many = [result(1, 4, [0, 0, 9, 9], i / 200) for i in range(120)] + [result(1, 9, [0, 0, 9, 9], 0.001)]
    joined = detections_of(tmp_path, truth_of([]), many)
    assert joined.dropped == 20
    assert [obj.label for obj in joined.image_results[0].found] == [0] * 100 + [1]
    assert min(obj.score for obj in joined.image_results[0].found[:100]) == 0.1


def test_masks_overlap_by_their_pixels_and_bring_a_box(tmp_path: Path) -> None:
    truth = truth_of([(1, 4, [20, 20, 20, 20])])
    truth["annotations"][0]["segmentation"] = SQUARE
    one = {"image_id": 1, "category_id": 4, "score": 0.5, "segmentation": rectangle(20, 20, 20, 10)}
    (image_result, _) = detections_of(tmp_path, truth, [one], "segm").image_results
    assert image_result.table == pytest.approx(np.array([[0.5]]))
    assert image_result.found[0].bbox == (20, 20, 20, 10)


def test_run_lengths_as_numbers_are_masks_too(tmp_path: Path) -> None:
    truth = truth_of([(1, 4, [0, 0, 1, 200])])
    column = {"size": [200, 240], "counts": [0, 200, 239 * 200]}
    truth["annotations"][0]["segmentation"] = column
    one = {"image_id": 1, "category_id": 4, "score": 0.5, "segmentation": rectangle(0, 0, 1, 100)}
    assert detections_of(tmp_path, truth, [one], "segm").image_results[0].table == pytest.approx(np.array([[0.5]]))


def test_an_object_without_a_mask_is_named(tmp_path: Path) -> None:
    one = {"image_id": 1, "category_id": 4, "score": 0.5, "segmentation": rectangle(0, 0, 9, 9)}
    with pytest.raises(InputError, match=r"an object without a mask: annotation 1 of 2\.jpg") as caught:
        detections_of(tmp_path, truth_of([(2, 4, [0, 0, 9, 9])]), [one], "segm")
    assert "by=bbox" in caught.value.lines()[2]
