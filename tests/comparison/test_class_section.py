from __future__ import annotations

from codo.comparison.page import comparison_page
from codo.reporting.html.page import render
from tests.comparison.test_comparison import grid, make_comparison, with_classes
from tests.reporting.conftest import Html


def test_every_class_has_a_row_with_the_number_of_its_objects() -> None:
    found = with_classes(make_comparison(grid([0.30, 0.32], [0.40, 0.44]), seeds=(0, 1)))
    page = Html(render(comparison_page(found, "mine", {})))
    page.check()
    assert "Box AP by class (2)" in page.text
    assert page.tables[1] == [
        ["Class", "Evaluated objects", "none", "codo"],
        ["cat", "1,200", "51.0 ± 1.4", "62.0 ± 2.8"],
        ["a, b/c", "12 (few)", "11.0 ± 1.4", "22.0 ± 2.8"],
    ]
    assert "fewer than 30 evaluated objects" in page.text


def test_without_numbers_by_class_there_is_no_section() -> None:
    assert "Classes" not in Html(render(comparison_page(make_comparison(grid([0.3], [0.4])), "mine", {}))).text
