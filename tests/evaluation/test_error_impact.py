"""What errors cost: one kind at a time by hand, and what holds for any detections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codo.evaluation.error_impact import measure_impact, share_of_detections, share_of_objects
from codo.evaluation.error_types import ERRORS, ErrorType
from tests.evaluation.assignments import Object, Results, assign_all, detections_of, result, truth_of

A, B = [0.0, 0, 100, 100], [120.0, 100, 80, 80]
FAR = [200.0, 0, 30, 30]
CAT, DOG = (1, 4, A), (2, 9, B)


def gains(folder: Path, objects: list[Object], results: Results) -> dict[str, list[float]]:
    """AP at 0.5 of cats and dogs, then the gains that are not nothing."""
    detections = detections_of(folder, truth_of(objects), results)
    impact = measure_impact(detections, assign_all(detections))
    found = {error.value: impact.gains[error].round(6).tolist() for error in ERRORS if impact.gains[error].any()}
    return {"AP": impact.average_precisions()[0].round(6).tolist()} | found


def test_a_perfect_detector_has_nothing_to_gain(tmp_path: Path) -> None:
    assert gains(tmp_path, [CAT, DOG], [result(1, 4, A, 0.9), result(2, 9, B, 0.9)]) == {"AP": [1, 1]}


def test_localization(tmp_path: Path) -> None:
    assert gains(tmp_path, [CAT], [result(1, 4, [0, 0, 100, 40], 0.9)]) == {"AP": [0, -1], "localization": [1, 0]}


def test_a_localization_error_on_an_object_that_was_found_is_taken_away(tmp_path: Path) -> None:
    results = [result(1, 4, A, 0.5), result(1, 4, [0, 0, 100, 40], 0.9)]
    assert gains(tmp_path, [CAT], results) == {"AP": [0.5, -1], "localization": [0.5, 0]}


def test_classification_pays_for_both_classes(tmp_path: Path) -> None:
    # The cat is taken for a dog with more confidence than the dog: mended, both are found first.
    results = [result(1, 9, A, 0.9), result(2, 9, B, 0.8)]
    assert gains(tmp_path, [CAT, DOG], results) == {"AP": [0, 0.5], "classification": [1, 0.5]}


def test_both(tmp_path: Path) -> None:
    results = [result(1, 9, [0, 0, 100, 40], 0.9), result(2, 9, B, 0.8), result(1, 4, A, 0.1)]
    assert gains(tmp_path, [CAT, DOG], results) == {"AP": [1, 0.5], "both": [0, 0.5]}


def test_duplicate(tmp_path: Path) -> None:
    results = [result(1, 4, A, 0.9), result(1, 4, A, 0.8), result(2, 4, B, 0.7)]
    found = gains(tmp_path, [CAT, (2, 4, B)], results)
    # Precision 1 up to recall 0.5, then 2/3.
    assert found == {
        "AP": [pytest.approx((51 + 50 * 2 / 3) / 101, abs=1e-6), -1],
        "duplicate": [pytest.approx(50 / 303, abs=1e-6), 0],
    }


def test_background(tmp_path: Path) -> None:
    results = [result(1, 4, FAR, 0.9), result(1, 4, A, 0.8)]
    assert gains(tmp_path, [CAT], results) == {"AP": [0.5, -1], "background": [0.5, 0]}


def test_missed(tmp_path: Path) -> None:
    found = gains(tmp_path, [CAT, (2, 4, B)], [result(1, 4, A, 0.8)])
    assert found == {"AP": [pytest.approx(51 / 101, abs=1e-6), -1], "missed": [pytest.approx(50 / 101, abs=1e-6), 0]}
    assert gains(tmp_path, [CAT], []) == {"AP": [0, -1], "missed": [1, 0]}


def test_the_most_confident_claim_wins(tmp_path: Path) -> None:
    # Two badly placed cats on one object, and a wrong one between them: only the first claim is right, the second goes.
    bad = [0.0, 0, 100, 40]
    results = [result(1, 4, bad, 0.9), result(1, 4, FAR, 0.8), result(1, 4, bad, 0.7)]
    assert gains(tmp_path, [CAT], results) == {"AP": [0, -1], "localization": [1, 0]}


def test_means_are_over_the_classes_with_objects(tmp_path: Path) -> None:
    detections = detections_of(
        tmp_path, truth_of([CAT]), [result(1, 4, FAR, 0.9), result(1, 4, A, 0.8), result(1, 9, A, 0.7)]
    )
    impact = measure_impact(detections, assign_all(detections))
    assert impact.objects.tolist() == [1, 0]
    assert impact.means() == (0.5, 0.5)
    assert impact.mean_gain(ErrorType.BACKGROUND) == 0.5
    assert impact.mean_gain(ErrorType.CLASSIFICATION) == 0  # of a class without objects
    assert impact.mean_precision(strict=False) == pytest.approx(np.full(101, 0.5))


def test_nothing_at_all(tmp_path: Path) -> None:
    detections = detections_of(tmp_path, truth_of([]), [])
    impact = measure_impact(detections, assign_all(detections))
    assert impact.means() == (-1, -1)
    assert all(impact.mean_gain(error) == 0 for error in ERRORS)


BOX = st.tuples(*[st.integers(0, 60)] * 2, *[st.integers(20, 80)] * 2).map(lambda box: [float(v) for v in box])
OBJECT = st.tuples(st.integers(1, 2), st.sampled_from([4, 9]), BOX)


@given(
    objects=st.lists(OBJECT, max_size=6),
    crowd=st.sets(st.integers(0, 5)),
    found=st.lists(st.tuples(OBJECT, st.sampled_from([0.1, 0.3, 0.5, 0.9])), max_size=12),
    threshold=st.sampled_from([0.0, 0.4, 1.0]),
)
@settings(max_examples=60, deadline=None)
def test_what_holds_for_any_detections(
    objects: list[Any],
    crowd: set[int],
    found: list[Any],
    threshold: float,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    results = [result(image, category, box, score) for (image, category, box), score in found]
    detections = detections_of(tmp_path_factory.mktemp("case"), truth_of(objects, crowd=tuple(crowd)), results)
    assignments = assign_all(detections)
    impact = measure_impact(detections, assignments)
    half, _ = impact.average_precisions()
    for error in ERRORS:
        assert (impact.gains[error] >= -1e-12).all(), error  # mending never hurts
        assert (impact.gains[error] + half <= 1 + 1e-12).all(), error
    # Every object and every detection is counted once.
    kept = sum(score >= threshold for _, score in found)
    assert sum(int(n.sum()) for n in share_of_detections(assignments, threshold, 2).values()) == kept
    assert (
        np.array(list(share_of_objects(assignments, threshold, 2).values())).sum(axis=0).tolist()
        == impact.objects.tolist()
    )
    right = share_of_detections(assignments, threshold, 2)[ErrorType.CORRECT]
    assert (share_of_objects(assignments, threshold, 2)[ErrorType.CORRECT] == right).all()
