"""The conclusion of detections follows the error type that costs most."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from codo.advice.answer import Answer
from codo.advice.detections import ABOUT, detections_answer
from codo.annotations.source import DataSettings
from codo.evaluation.error_impact import measure_impact
from codo.evaluation.error_types import ERRORS, assign_errors
from codo.evaluation.load_detections import detections_of_file
from tests.reporting.conftest import labeled_set

Conclude = Callable[..., Answer]


@pytest.fixture
def conclude(tmp_path: Path) -> Conclude:
    """The answer for 20 images with an object each, of which some are found, with boxes moved to the right."""

    def answer(found: int, shift: float = 0.0, **more: bool) -> Answer:
        file = labeled_set(tmp_path, images=20, found=found, shift=shift, **more)
        data = DataSettings(val=str(tmp_path / "val.json"), val_images=str(tmp_path))
        detections = detections_of_file(file, data, "val")
        assignments = [assign_errors(result) for result in detections.image_results]
        return detections_answer(detections, measure_impact(detections, assignments))

    return answer


def test_every_error_type_has_words() -> None:
    assert set(ABOUT) == set(ERRORS)


def test_perfect_detections_need_nothing(conclude: Conclude) -> None:
    found = conclude(20)
    assert found.headline.startswith("AP 50 is 100.0 (95% interval 100.0 to 100.0), AP 75 100.0, on 20 images")
    assert [one.kind for one in found.next] == ["nothing"]


def test_missed_objects_ask_for_labels(conclude: Conclude) -> None:
    found = conclude(12)
    assert "missed objects" in found.next[0].why
    assert found.next[0].kind == "labels"


def test_inaccurate_boxes_ask_for_longer_training(conclude: Conclude) -> None:
    found = conclude(20, shift=10.0)  # 20 pixels wide: IoU 1/3
    assert "inaccurate boxes" in found.next[-1].why
    assert found.next[-1].kind == "steps"


def test_a_detector_near_zero_is_to_be_trained_longer_first(conclude: Conclude) -> None:
    found = conclude(20, shift=10.0)
    assert found.tone == "watch"
    assert [one.what.split(",")[0] for one in found.next] == [
        "Train the detector longer",
        "Train longer or on larger images",
    ]


def test_without_objects_there_is_nothing_to_measure(conclude: Conclude) -> None:
    assert conclude(0, empty=True).tone == "unknown"
