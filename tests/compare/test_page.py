from __future__ import annotations

from codo.compare.page import comparison_page
from codo.reporting.page import render
from tests.compare.test_comparison import grid, made


def test_one_fraction_shows_seeds_and_several_a_curve() -> None:
    one = render(comparison_page(made(grid([0.30, 0.31], [0.35, 0.36])), "mine", {"steps": 2}))
    assert "Boxes: AP by initialisation" in one
    both = made(grid([0.1, 0.12], [0.2, 0.22], 0.1) | grid([0.30, 0.31], [0.35, 0.36]))
    page = render(comparison_page(both, "mine", {"steps": 2}))
    assert "Boxes: AP by labelled images" in page
    assert "none: 11.0 at 10, 30.5 at 100" in page  # the figure in words
    assert "10% of the labels (10 images)" in page
    assert "backbone, fpn, box_head" in page.replace("<wbr>", "")


def test_it_says_what_is_missing_and_escapes_names() -> None:
    found = made(grid([0.30, 0.31, 0.2], [0.35]))
    page = render(comparison_page(found, "<script>alert(1)</script>", {}))
    assert "4 of 6 cells are finished" in page
    assert "<script>alert" not in page
    empty = render(comparison_page(made({}), "nothing", {}))
    assert "No cell is finished yet" in empty
