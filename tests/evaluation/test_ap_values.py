from __future__ import annotations

from codo.evaluation.ap_values import ap_value


def test_minus_one_is_no_value() -> None:
    numbers = {"bbox": {"AP": 0.5, "APs": -1.0, "AP75": 0.0}}
    assert ap_value(numbers, "bbox", "AP") == 0.5
    assert ap_value(numbers, "bbox", "AP75") == 0.0
    assert ap_value(numbers, "bbox", "APs") is None
    assert ap_value(numbers, "bbox", "AR1") is None
    assert ap_value(numbers, "segm", "AP") is None
