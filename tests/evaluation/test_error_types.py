"""Every kind of error, made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from codo.evaluation.error_types import ErrorAssignment, ErrorType, best_threshold
from tests.evaluation.assignments import Object, assign_all, detections_of, result, truth_of

A, B = [0.0, 0, 100, 100], [120.0, 100, 80, 80]  # a cat and a dog that do not touch


@pytest.fixture
def judged(tmp_path: Path) -> Any:
    """``judged(objects, results, crowd)``: what came of the one image."""

    def make(objects: Sequence[Object], results: Sequence[Any], crowd: Sequence[int] = ()) -> ErrorAssignment:
        return assign_all(detections_of(tmp_path, truth_of(objects, images=1, crowd=crowd), results))[0]

    return make


CAT, DOG = (1, 4, A), (1, 9, B)


@pytest.mark.parametrize(
    ("box", "category", "error_type", "target"),
    [
        ([0, 0, 100, 50], 4, ErrorType.CORRECT, 0),  # IoU 0.5
        ([0, 0, 100, 49], 4, ErrorType.LOCALIZATION, 0),
        ([0, 0, 100, 10], 4, ErrorType.LOCALIZATION, 0),  # IoU 0.1
        ([0, 0, 100, 9], 4, ErrorType.BACKGROUND, -1),
        ([0, 0, 100, 50], 9, ErrorType.CLASSIFICATION, 0),
        ([0, 0, 100, 49], 9, ErrorType.BOTH, 0),
        ([0, 0, 100, 9], 9, ErrorType.BACKGROUND, -1),
        ([200, 0, 30, 30], 4, ErrorType.BACKGROUND, -1),
    ],
)
def test_the_kinds_of_errors(judged: Any, box: list[float], category: int, error_type: ErrorType, target: int) -> None:
    one = judged([CAT, DOG], [result(1, category, box, 0.5)])
    assert one.error_types == [error_type]
    assert one.targets.tolist() == [target]


def test_a_second_detection_of_an_object_is_a_duplicate(judged: Any) -> None:
    one = judged([CAT], [result(1, 4, [0, 0, 100, 90], 0.6), result(1, 4, [0, 0, 100, 80], 0.9)])
    assert one.error_types == [ErrorType.CORRECT, ErrorType.DUPLICATE]  # the less confident one, though it fits better
    assert one.targets.tolist() == [0, 0]


def test_a_good_box_on_another_class_outweighs_a_bad_one_on_its_own(judged: Any) -> None:
    # The cat box overlaps the cat by 0.2, the dog that lies over it by 1.
    one = judged([CAT, (1, 9, [0.0, 0, 100, 20])], [result(1, 4, [0, 0, 100, 20], 0.5)])
    assert one.error_types == [ErrorType.CLASSIFICATION]
    assert one.targets.tolist() == [1]


def test_crowds_are_neither_found_nor_missed_nor_make_wrong(judged: Any) -> None:
    one = judged([CAT], [result(1, 4, [10, 10, 9, 9], 0.9), result(1, 9, [10, 10, 9, 9], 0.8)], crowd=(0,))
    assert one.error_types == [ErrorType.IGNORED, ErrorType.BACKGROUND]
    assert one.counts(0.0) == (0, 0, 1)
    assert one.state(0, 0.5) is ErrorType.IGNORED


def test_what_came_of_an_object_hangs_on_the_confidence(judged: Any) -> None:
    one = judged(
        [CAT, DOG],
        [
            result(1, 4, [0, 0, 100, 30], 0.9),  # localization
            result(1, 9, [0, 0, 100, 90], 0.7),  # classification
            result(1, 4, A, 0.4),  # right
            result(1, 4, [120, 100, 80, 30], 0.8),  # both: does not account for the dog
        ],
    )
    assert one.states(0) == [(0.4, ErrorType.CORRECT), (0.9, ErrorType.LOCALIZATION)]
    assert [one.state(0, t) for t in (0.4, 0.41, 0.9, 0.91)] == [
        ErrorType.CORRECT,
        ErrorType.LOCALIZATION,
        ErrorType.LOCALIZATION,
        ErrorType.MISSED,
    ]
    assert one.states(1) == []
    assert one.state(1, 0.0) is ErrorType.MISSED


def test_the_score_of_an_image(judged: Any) -> None:
    one = judged([CAT, DOG], [result(1, 4, A, 0.9), result(1, 4, [210, 0, 10, 10], 0.8)])
    assert one.counts(0.5) == (1, 1, 1)
    assert one.score(0.5) == pytest.approx(1 / 3)
    assert one.score(0.85) == pytest.approx(1 / 2)
    assert judged([], []).score(0.5) == 1.0
    assert judged([], [result(1, 4, A, 0.9)]).score(0.5) == 0.0


def test_the_threshold_has_the_best_f1(judged: Any) -> None:
    # At 0.9: 1 of 2 found, none wrong: F1 = 2/3. At 0.6: 2 found, 1 wrong: F1 = 4/5. At 0.2: 2 found, 2 wrong: 2/3.
    far = [210.0, 0, 10, 10]
    results = [result(1, 4, A, 0.9), result(1, 4, far, 0.7), result(1, 9, B, 0.6), result(1, 9, far, 0.2)]
    assert best_threshold([judged([CAT, DOG], results)]) == 0.6


def test_the_threshold_when_nothing_is_found(judged: Any) -> None:
    assert best_threshold([]) == 0.5
    assert best_threshold([judged([CAT], [])]) == 0.5
    assert best_threshold([judged([CAT], [result(1, 9, A, 0.1)])]) == 0.5
