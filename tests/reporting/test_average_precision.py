"""COCO's numbers as a table, seeds as dots."""

from __future__ import annotations

from codo.reporting.average_precision import ap_dots, ap_table


def test_the_twelve_numbers_in_their_order() -> None:
    table = ap_table({"Boxes": {"AR1": 0.2, "AP": 0.5, "APs": -1.0}, "Masks": {"AP": 0.4}})
    assert table.columns == ["Objects", "AP", "AP small", "AR 1"]
    assert table.rows == [["Boxes", "50.0", "–", "20.0"], ["Masks", "40.0", "–", "–"]]


def test_every_seed_is_read_out() -> None:
    figure = ap_dots({"scratch": [0.10, 0.12], "CoDo": [0.15], "late": []}, "Boxes")
    assert figure.alt == "Boxes, AP. scratch: 10.0, 12.0; CoDo: 15.0; late: –."
