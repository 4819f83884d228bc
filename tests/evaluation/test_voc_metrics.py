"""VOC's own numbers: by hand, and against its development kit's procedure written out detection by detection."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codo.annotations.coco.read import read_coco
from codo.annotations.records import Annotations
from codo.evaluation.voc_metrics import THRESHOLDS, area, eleven_points, iou, voc_metrics
from tests.evaluation.test_coco_metrics import BIG, result, truth_of

SMALL = [120.0, 120.0, 50.0, 50.0]
BOX = st.tuples(*[st.integers(0, 90)] * 2, *[st.integers(1, 110)] * 2).map(lambda box: [float(v) for v in box])
OBJECT = st.tuples(st.integers(1, 2), st.sampled_from([4, 9]), BOX)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("voc")


def read(folder: Path, objects: list[tuple[int, int, list[float]]], crowd: tuple[int, ...] = ()) -> Annotations:
    """Ground truth from (image, category, box), in that order."""
    path = folder / "truth.json"
    path.write_text(json.dumps(truth_of(sorted(objects), crowd=crowd)))
    return read_coco(path)


def test_two_areas_by_hand() -> None:
    # Found, false, found, false, of 4 objects: recall 1/4, 1/4, 2/4, 2/4; precision 1, 1/2, 2/3, 1/2.
    recall, precision = np.array([0.25, 0.25, 0.5, 0.5]), np.array([1, 0.5, 2 / 3, 0.5])
    # Best precision at 0, 0.1, 0.2 is 1; at 0.3, 0.4, 0.5 it is 2/3; beyond there is none.
    assert eleven_points(recall, precision) == pytest.approx((3 * 1 + 3 * 2 / 3) / 11)
    assert area(recall, precision) == pytest.approx(0.25 * 1 + 0.25 * 2 / 3)


def test_a_recall_of_three_tenths_reaches_its_point() -> None:
    recall = np.array([1, 2, 3]) / 10
    assert eleven_points(recall, np.ones(3)) == pytest.approx(4 / 11)


def test_iou_is_that_of_the_kit_on_inclusive_pixels() -> None:
    # Columns 0..9 and 5..14 of rows 0..9 share 5 x 10 of 15 x 10 pixels; the kit gets there by adding 1 to differences.
    assert iou(np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 10, 10]]))[0, 0] == pytest.approx(1 / 3)
    assert iou(np.array([[0.0, 0, 0, 0]]), np.array([[0.0, 0, 0, 0]]))[0, 0] == 0


def nobody(annotations: Annotations) -> np.ndarray:
    return np.zeros(len(annotations.labels), dtype=bool)


def test_a_perfect_detector_scores_one(folder: Path) -> None:
    truth = read(folder, [(1, 4, BIG), (2, 9, SMALL)])
    found = [result(1, 4, BIG, 0.9), result(2, 9, SMALL, 0.8)]
    assert voc_metrics(truth, found, nobody(truth)) == pytest.approx(
        {"AP_07": 1, "AP50_07": 1, "AP75_07": 1, "AP50_12": 1}
    )


def test_a_class_without_objects_does_not_count_and_no_objects_at_all_are_minus_one(folder: Path) -> None:
    truth = read(folder, [(1, 4, BIG)])
    found = [result(1, 4, BIG, 0.9), result(1, 9, BIG, 0.95)]
    assert voc_metrics(truth, found, nobody(truth))["AP50_12"] == pytest.approx(1)
    assert set(voc_metrics(truth, found, ~nobody(truth)).values()) == {-1}
    assert voc_metrics(truth, [], nobody(truth))["AP50_07"] == 0


def test_difficult_objects_count_neither_way(folder: Path) -> None:
    truth = read(folder, [(1, 4, BIG), (2, 4, SMALL)])
    difficult = np.array([False, True])
    hit, on_difficult = result(1, 4, BIG, 0.5), result(2, 4, SMALL, 0.9)
    # Found, it is no false alarm above the hit; were it an object like others, missing it would cost recall.
    assert voc_metrics(truth, [on_difficult, on_difficult, hit], difficult)["AP50_12"] == pytest.approx(1)
    assert voc_metrics(truth, [hit], difficult)["AP50_12"] == pytest.approx(1)
    assert voc_metrics(truth, [hit], nobody(truth))["AP50_12"] == pytest.approx(0.5)


def test_an_object_is_found_once_and_only_by_what_overlaps_it_most(folder: Path) -> None:
    truth = read(folder, [(1, 4, BIG)])
    twice = [result(1, 4, BIG, 0.5), result(1, 4, BIG, 0.9)]
    assert voc_metrics(truth, [*twice, result(1, 4, SMALL, 0.7)], nobody(truth))["AP50_12"] == pytest.approx(1)
    # Both detections overlap the first object most. COCO would give the second one to the other object; VOC does not.
    truth = read(folder, [(1, 4, [0.0, 0, 100, 100]), (1, 4, [0.0, 20, 100, 100])])
    found = [result(1, 4, [0.0, 0, 100, 100], 0.9), result(1, 4, [0.0, 5, 100, 100], 0.8)]
    assert voc_metrics(truth, found, nobody(truth))["AP50_12"] == pytest.approx(0.5)


def test_an_overlap_of_seven_tenths_counts_up_to_its_threshold(folder: Path) -> None:
    truth = read(folder, [(1, 4, [0.0, 0, 100, 100])])
    numbers = voc_metrics(truth, [result(1, 4, [0.0, 0, 70, 100], 0.5)], nobody(truth))
    assert numbers == pytest.approx({"AP_07": 0.5, "AP50_07": 1, "AP75_07": 0, "AP50_12": 1})


def by_the_kit(truth: Annotations, results: list[dict[str, Any]], difficult: np.ndarray, threshold: float) -> float:
    """MAP by the rule of 2012, as the kit's description reads: one detection after the other."""
    of_image = np.repeat(truth.image_ids, np.diff(truth.offsets))
    scores = []
    for label, category in enumerate(truth.categories, start=1):
        rows = [r for r in range(len(truth.labels)) if truth.labels[r] == label]
        positives = sum(not difficult[r] for r in rows)
        if not positives:
            continue
        taken: set[int] = set()
        verdicts: list[int] = []
        mine = [r for r in results if r["category_id"] == category.id]
        for one in sorted(mine, key=lambda r: -r["score"]):
            best, where = 0.0, -1
            for r in rows:
                if of_image[r] == one["image_id"]:
                    overlap = float(iou(np.array([one["bbox"]]), truth.bbox[[r]])[0, 0])
                    best, where = (overlap, r) if overlap > best else (best, where)
            if best >= threshold and difficult[where]:
                continue
            hit = best >= threshold and where not in taken
            taken |= {where} if hit else set()
            verdicts.append(int(hit))
        total = 0.0
        for i, hit in enumerate(verdicts):  # a step of recall at every hit, at the best precision from there on
            if hit:
                total += max(sum(verdicts[: j + 1]) / (j + 1) for j in range(i, len(verdicts))) / positives
        scores.append(total)
    return float(np.mean(scores)) if scores else -1.0


@given(
    objects=st.lists(OBJECT, max_size=6),
    found=st.lists(st.tuples(OBJECT, st.sampled_from([0.1, 0.5, 0.9])), max_size=8),
    again=st.lists(st.sampled_from([0.2, 0.5, 0.8]), max_size=6),
    ignored=st.sets(st.integers(0, 5)),
    crowd=st.sets(st.integers(0, 5), max_size=1),
)
@settings(max_examples=60, deadline=None)
def test_random_cases_equal_the_kit(
    folder: Path, objects: list[Any], found: list[Any], again: list[float], ignored: set[int], crowd: set[int]
) -> None:
    objects = sorted(objects)
    truth = read(folder, objects, tuple(crowd))
    results = [result(*what, score) for what, score in found]
    results += [
        result(image, category, box, score) for (image, category, box), score in zip(objects, again, strict=False)
    ]
    difficult = np.array([i in ignored for i in range(len(truth.labels))], dtype=bool)
    expected = by_the_kit(truth, results, difficult | truth.crowd, 0.5)
    assert voc_metrics(truth, results, difficult)["AP50_12"] == pytest.approx(expected)


def test_thresholds_are_those_of_coco() -> None:
    assert THRESHOLDS == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
