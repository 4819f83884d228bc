"""Matching and average precision: by hand where that is possible, else against pycocotools."""

from __future__ import annotations

import contextlib
import copy
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from codo.annotations.source import DataSettings, read_annotations
from codo.evaluation.detections import Detections, Kind, join
from codo.evaluation.error_impact import measure_impact
from codo.evaluation.matching import Ranking, match, mean_known, overlaps, rank
from tests.evaluation.assignments import Results, Truth, assign_all, detections_of, result, truth_of
from tests.evaluation.cases import CASES, perturbed


def by_pycocotools(truth: Truth, results: Results, kind: Kind) -> np.ndarray:
    """AP at IoU 0.5 and 0.75 of each class and their mean, ``(2, C + 1)``; -1 where there are no objects."""
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = COCO()
        ground_truth.dataset = copy.deepcopy(truth)
        ground_truth.createIndex()
        other = "segmentation" if kind == "bbox" else "bbox"
        found = [{key: value for key, value in row.items() if key != other} for row in results]
        if found:
            detections = ground_truth.loadRes(found)
        else:
            detections = COCO()
            detections.dataset = {"images": truth["images"], "categories": truth["categories"], "annotations": []}
            detections.createIndex()
        evaluation = COCOeval(ground_truth, detections, kind)
        evaluation.evaluate()
        evaluation.accumulate()
    table = evaluation.eval["precision"][[0, 5], :, :, 0, -1]  # IoU 0.5 and 0.75, all areas, 100 detections
    return np.array([[*(mean_known(one) for one in row.T), mean_known(row)] for row in table])


def by_us(detections: Detections) -> np.ndarray:
    impact = measure_impact(detections, assign_all(detections))
    return np.array([[*aps, mean] for aps, mean in zip(impact.average_precisions(), impact.means(), strict=True)])


@pytest.mark.parametrize("name", CASES)
def test_average_precision_equals_pycocotools(name: str, tmp_path: Path) -> None:
    truth, results = CASES[name]
    assert by_us(detections_of(tmp_path, truth, results)) == pytest.approx(
        by_pycocotools(truth, results, "bbox"), abs=1e-6
    )


BOX = st.tuples(*[st.integers(0, 120)] * 2, *[st.integers(1, 80)] * 2).map(lambda box: [float(v) for v in box])
OBJECT = st.tuples(st.integers(1, 2), st.sampled_from([4, 9]), BOX)
SCORE = st.sampled_from([0.1, 0.5, 0.9])


@given(
    objects=st.lists(OBJECT, max_size=6),
    crowd=st.sets(st.integers(0, 5)),
    found=st.lists(st.tuples(OBJECT, SCORE), max_size=8),
    near=st.lists(st.tuples(st.integers(0, 5), st.integers(-9, 9), st.integers(-9, 9), SCORE), max_size=9),
)
@settings(max_examples=60, deadline=None)
def test_random_cases_equal_pycocotools(
    objects: list[Any], crowd: set[int], found: list[Any], near: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    truth = truth_of(objects, crowd=tuple(crowd))
    results = [result(image, category, box, score) for (image, category, box), score in found]
    for which, dx, dy, score in near:  # without detections near objects almost nothing would ever match
        if which < len(objects):
            image, category, (x, y, w, h) = objects[which]
            results.append(result(image, category, [x + dx, y + dy, w, h], score))
    joined = detections_of(tmp_path_factory.mktemp("case"), truth, results)
    assert by_us(joined) == pytest.approx(by_pycocotools(truth, results, "bbox"), abs=1e-6)


@pytest.mark.photographs
@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_real_ground_truth_equals_pycocotools(kind: Kind, test_data: Path) -> None:
    annotations = read_annotations(DataSettings(folder=str(test_data / "downstream" / "coco_masks")), "val")
    truth = annotations.to_coco()
    results = perturbed(truth, np.random.default_rng(0))
    assert any(row["iscrowd"] for row in truth["annotations"])
    ours = by_us(join(annotations, results, kind))
    assert ours == pytest.approx(by_pycocotools(truth, results, kind), abs=1e-6)
    assert 0.1 < ours[1, -1] < ours[0, -1] < 0.95


def test_overlaps_with_crowds_are_shares_of_the_detection() -> None:
    boxes = [[0, 0, 10, 10], [0, 0, 20, 10]]
    table = overlaps([[0, 0, 10, 20]], [boxes[0], boxes[0], boxes[1]], [False, True, True])
    assert table == pytest.approx(np.array([[0.5, 0.5, 0.5]]))
    assert overlaps([[0, 0, 10, 5]], boxes, [False, True]) == pytest.approx(np.array([[0.5, 1.0]]))
    assert overlaps([], boxes, [False, False]).shape == (0, 2)
    assert overlaps(boxes, [], []).shape == (2, 0)


def test_each_takes_the_best_free_object_and_the_last_of_equals() -> None:
    table = np.array([[0.6, 0.8, 0.8], [0.6, 0.9, 0.7], [0.9, 0.9, 0.9], [0.9, 0.9, 0.9]])
    found = match(table, np.ones((4, 3), np.bool_), np.zeros(3, np.bool_), 0.5)
    assert found.objects.tolist() == [2, 1, 0, -1]
    assert not found.ignored.any()


def test_a_crowd_is_taken_by_many_but_only_by_those_that_find_no_object() -> None:
    table = np.array([[0.6, 1.0], [0.6, 0.5], [0.6, 0.4]])
    found = match(table, np.ones((3, 2), np.bool_), np.array([False, True]), 0.5)
    assert found.objects.tolist() == [0, -1, -1]
    assert found.ignored.tolist() == [False, True, False]


def test_precision_and_average_precision_by_hand() -> None:
    # Right, wrong, right of four objects: precision 1 up to recall 0.25, 2/3 up to 0.5, then never.
    ranking = rank(np.array([0.2, 0.9, 0.5]), np.array([True, True, False]), 4)
    assert ranking.right.tolist() == [True, False, True]
    assert ranking.precision() == pytest.approx(np.repeat([1, 2 / 3, 0], [26, 25, 50]))
    assert ranking.average_precision() == pytest.approx((26 + 25 * 2 / 3) / 101)


def test_equal_scores_keep_their_order() -> None:
    assert rank(np.array([0.5, 0.9, 0.5]), np.array([True, False, False]), 1).right.tolist() == [False, True, False]


def test_means_leave_out_classes_without_objects() -> None:
    assert Ranking(np.array([False]), 0).average_precision() == -1
    assert Ranking(np.zeros(0, np.bool_), 3).average_precision() == 0
    assert mean_known([-1, 0.5, 0.7]) == pytest.approx(0.6)
    assert mean_known([-1]) == -1
