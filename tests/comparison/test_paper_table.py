"""The paper's table as Markdown, and the costs as CSV."""

from __future__ import annotations

import csv
from dataclasses import replace

from codo.comparison.paper_table import costs_csv, markdown, printed_rows
from codo.comparison.pretraining_costs import PretrainingCost
from tests.comparison.test_comparison import INITIALIZATIONS, grid, make_comparison

COST = PretrainingCost(12_800, 2, 3720.0, 2048.0, "cpu", {"invariance": 0.25, "probe/roi/knn": 0.5})


def cells(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_a_line_for_each_start_with_its_costs() -> None:
    found = replace(make_comparison(grid([0.30, 0.31], [0.35, 0.36]), seeds=(0, 1)), costs={"codo": COST})
    heads, rule, none, codo = cells(markdown(found))
    assert heads[:3] == ["Start from", "Initializes", "Samples seen"]
    assert heads[-3:] == ["box AP", "box AP50", "box AP75"]
    assert set("".join(rule)) == {"-"}
    assert none == ["none", "nothing", "–", "–", "–", "–", "30.5 ± 0.7", "61.0 ± 1.4", "–"]
    assert codo[:6] == ["codo", "backbone, FPN, box head", "12.8k", "2", "1 h 2 min", "2.0 GiB"]
    assert "(4 of 4 trials, 2 seeds)" in markdown(found)


def test_columns_stand_one_below_the_other() -> None:
    pipe = replace(make_comparison(grid([0.3], [0.4], 0.1) | grid([0.3], [0.4]), seeds=(0,)))
    lines = [line for line in markdown(pipe).splitlines() if line.startswith("|")]
    assert [line.split(" | ")[0].strip("| ") for line in lines] == ["Labels", "-" * 6, "10%", "10%", "100%", "100%"]
    assert len({len(line) for line in lines}) == 1
    assert len({tuple(i for i, c in enumerate(line) if c == "|") for line in lines}) == 1


def test_a_bar_in_a_name_does_not_end_its_cell() -> None:
    named = make_comparison({("a|b", 1.0, 0): 0.3}, seeds=(0,), initializations={"a|b": INITIALIZATIONS["none"]})
    assert r"a\|b" in markdown(named)


def test_published_rows_are_those_of_the_same_name() -> None:
    found = make_comparison(grid([0.3], [0.4]), seeds=(0,))
    assert printed_rows(found) == []
    published = replace(found, published="table1")
    assert {row.label for row in printed_rows(published)} == {"CoDo"}
    assert "41.2" in markdown(published)
    assert "printed" in markdown(published)
    assert "41.2" not in markdown(found)


def test_costs_have_every_digit() -> None:
    found = replace(make_comparison(grid([0.3], [0.4]), seeds=(0,)), costs={"codo": COST})
    heads, none, codo = csv.reader(costs_csv(found).splitlines())
    assert heads[-2:] == ["invariance", "probe/roi/knn"]
    assert none == ["none", "nothing", "", "", "", "", "", "", ""]
    assert codo == ["codo", "backbone, FPN, box head", "12800", "2", "3720.0", "2048.0", "cpu", "0.25", "0.5"]
