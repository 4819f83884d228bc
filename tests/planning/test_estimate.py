"""How a plan is written down: certainty, columns, numbers."""

from __future__ import annotations

from itertools import permutations

import pytest

from codo.planning.estimate import CERTAINTY, Estimate, Line, short, table, weakest


def test_the_least_certain_counts_in_any_order() -> None:
    assert weakest("given", "read", "measured") == "read"
    for some in permutations(CERTAINTY, 3):
        assert weakest(*some) == CERTAINTY[max(CERTAINTY.index(kind) for kind in some)]
    assert weakest("target") == "target"


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (0.00123, "0.00123"), (3, "3"), (99.5, "99.5"), (1234.5, "1,234")]
)
def test_numbers_are_short(number: float, text: str) -> None:
    assert short(number) == text


def test_columns_are_as_wide_as_their_widest_cell_and_numbers_stand_to_the_right() -> None:
    assert table([("run", "steps", "200", "", "given", "x"), ("", "a step", "1.5", "ms", "read", "")]) == [
        "run  steps   200      given  x",
        "     a step  1.5  ms  read",
    ]


def example() -> Estimate:
    lines = [
        Line("run", "steps", 1200, "", "given", "by the user"),
        Line("run", "epochs", 2, "", "calculated", "of the steps"),
        Line("time", "steps", 0.25, "s", "target", "of nothing"),
    ]
    return Estimate(lines, ["a source"], ["too much memory"])


def test_a_line_is_found_by_topic_and_quantity() -> None:
    assert example().line("time", "steps").value == 0.25
    assert example().line("run", "steps").value == 1200


def test_the_text_names_a_topic_once_and_ends_with_sources_and_warnings() -> None:
    assert example().text().splitlines() == [
        "run   steps   1,200     given       by the user",
        "      epochs      2     calculated  of the steps",
        "time  steps    0.25  s  target      of nothing",
        "",
        "a source",
        "! too much memory",
    ]
