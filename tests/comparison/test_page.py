from __future__ import annotations

from dataclasses import replace

from codo.comparison.page import comparison_page
from codo.reporting.html.page import render
from tests.comparison.test_comparison import grid, make_comparison
from tests.reporting.conftest import Html


def read(*arguments: object) -> Html:
    page = Html(render(comparison_page(*arguments)))  # type: ignore[arg-type]
    page.check()
    return page


def test_several_fractions_are_a_curve_and_a_table_each() -> None:
    both = make_comparison(grid([0.1, 0.12], [0.2, 0.22], 0.1) | grid([0.30, 0.31], [0.35, 0.36]), seeds=(0, 1))
    page = read(both, "mine", {"steps": 2})
    assert "2 initializations, 2 label fractions and 2 seeds" in page.text
    assert "codo against none: +7.5 points of box AP" in page.text
    assert "2 seeds: no verdict" in page.text
    figure = next(a["aria-label"] for _, a in page.tags if a.get("role") == "img")
    assert figure == "Boxes: AP × 100 by labeled images. none: 11.0 at 10, 30.5 at 100; codo: 21.0 at 10, 35.5 at 100."
    assert "10% of the labels: 10 images." in page.text
    few, full, parts, trials, settings = page.tables
    assert few[0] == ["Start from", "Seeds", "AP", "AP 50", "AP 75", "Difference of AP"]
    assert few[1] == ["none", "2", "11.0 ± 1.4", "22.0 ± 2.8", "–", "–"]
    assert few[2][-1] == "+10.0 (+10.0 to +10.0), 2 seeds: no verdict"
    assert full[2][2] == "35.5 ± 0.7"
    assert parts == [
        ["Start from", "Backbone", "FPN", "Box head", "Weights"],
        ["none", "random", "random", "random", "none"],
        ["codo", "pretrained", "pretrained", "pretrained", "/runs/codo-0 and 2 more, one per seed"],
    ]
    assert len(trials) == 1 + 8
    assert settings[1] == ["steps", "2"]


def test_one_fraction_shows_every_seed() -> None:
    page = read(make_comparison(grid([0.30, 0.31], [0.35, 0.36]), seeds=(0, 1)), "mine", {})
    figure = next(a["aria-label"] for _, a in page.tags if a.get("role") == "img")
    assert figure == "Boxes, AP. none: 30.0, 31.0; codo: 35.0, 36.0."


def test_it_says_what_is_missing_failed_or_odd() -> None:
    found = make_comparison(grid([0.30, 0.31, 0.2], [0.35]))
    failed = replace(found, failures={("codo", 1.0, 1): "the loss is <nan>"})
    page = read(failed, "<script>alert(1)</script>", {})
    assert "4 of 6 trials are finished; all numbers here are based on these." in page.text
    assert "Failed: codo, 100% of the labels, seed 1 (the loss is <nan>)." in page.text
    assert page.tables[2][4][-1] == "the loss is <nan>"
    assert page.tables[2][6][-1] == "missing"
    assert "<script>alert" not in page.raw
    assert "there are no results yet" in read(make_comparison({}), "nothing", {}).text
