from __future__ import annotations

from codo.evaluation.measures import measured


def test_minus_one_is_no_value() -> None:
    numbers = {"bbox": {"AP": 0.5, "APs": -1.0, "AP75": 0.0}}
    assert measured(numbers, "bbox", "AP") == 0.5
    assert measured(numbers, "bbox", "AP75") == 0.0
    assert measured(numbers, "bbox", "APs") is None
    assert measured(numbers, "bbox", "AR1") is None
    assert measured(numbers, "segm", "AP") is None
