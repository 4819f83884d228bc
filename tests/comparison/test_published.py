from __future__ import annotations

import re
from pathlib import Path

import pytest

from codo.comparison.published import published
from codo.core.config import read_recipe

PAPER = Path(__file__).parents[3] / "shared" / "paper" / "codo.txt"


@pytest.mark.parametrize("table", ["table1", "table2"])
def test_rows_have_the_names_of_the_recipe(table: str) -> None:
    inits = read_recipe(table)["inits"]
    extra = {"soco"} if table == "table1" else set()  # of the recipe relatives
    assert set(published(table)) - extra == set(inits)
    for rows in published(table).values():
        for row in rows:
            assert row.values
            for numbers in row.values.values():
                assert len(numbers) == 6


@pytest.mark.skipif(not PAPER.exists(), reason="the paper's text is not beside the checkout")
@pytest.mark.parametrize("table", ["table1", "table2"])
def test_numbers_are_those_of_the_paper(table: str) -> None:
    """Every printed row, its numbers in a row of the paper's text."""
    lines = [re.findall(r"\d+\.\d", line) for line in PAPER.read_text(encoding="utf-8").splitlines() if "\t" in line]
    for rows in published(table).values():
        for row in rows:
            if "not in the paper" in row.note:
                continue
            for numbers in row.values.values():
                wanted = [f"{value:.1f}" for value in numbers]
                inside = [line for line in lines if any(line[i : i + 6] == wanted for i in (0, 6))]
                # Table 2 has the gain between AP and AP50.
                assert inside or [line for line in lines if line[:1] == wanted[:1] and line[-5:] == wanted[1:]], row


def test_the_paper_itself_beats_no_row_by_accident() -> None:
    """METHOD 1.13: at equal epochs only CoDo_m is above InsLoc."""
    one = {init: rows[0].values["1x"][0] for init, rows in published("table1").items()}
    assert one["codo"] < one["insloc"] < one["codo_m"]
