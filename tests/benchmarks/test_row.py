"""A row passes exactly when its bound and its checks hold, and survives being written down."""

from __future__ import annotations

import importlib.util
import json

import pytest
from benchmarks.registry import CPU, GPU
from benchmarks.report import table
from benchmarks.row import Check, Row, Spread, short
from benchmarks.timing import Pair, alternate


def row(ratio: float = 10, **changes: object) -> Row:
    values = {"least_ratio": 9, "ratio": Spread.of([ratio]), "reference": Spread.of([2.0]), **changes}
    return Row("T1", "something", "ms", Spread.of([1.0, 2.0, 4.0]), **values)


def test_quartiles_by_hand() -> None:
    assert Spread.of([4.0, 1.0, 2.0, 3.0, 5.0]) == Spread(3.0, 2.0, 4.0, 5)
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0, 1)


@pytest.mark.parametrize(
    ("given", "passes"),
    [
        (row(), True),
        (row(8.99), False),
        (row(checks=(Check("equal", False),)), False),
        (row(ratio=1, least_ratio=None, most=2.0), True),
        (row(ratio=1, least_ratio=None, most=1.9), False),
        (Row("T9", "for information", "s", Spread.of([1.0])), True),
    ],
)
def test_verdict(given: Row, passes: bool) -> None:
    assert given.passed is passes
    assert ("**short**" in table([given])) is not passes


def test_a_row_survives_json() -> None:
    before = row(checks=(Check("boxes are equal", True),), note="a note")
    assert Row.from_dict(json.loads(json.dumps(before.as_dict()))) == before


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1234.5, "1234"), (12.34, "12.3"), (1.006, "1.01"), (0.0851, "0.085"), (20.0, "20"), (1e-6, "1e-06")],
)
def test_three_digits(value: float, text: str) -> None:
    assert short(value) == text


def test_both_sides_see_every_item_in_turn() -> None:
    seen: list[tuple[str, int]] = []
    ticks = iter(range(100))
    pair = alternate(
        lambda item: (seen.append(("reference", item)), next(ticks)),
        lambda item: seen.append(("ours", item)),
        [1, 2],
        rounds=2,
        clock=lambda: float(next(ticks)),
    )
    assert seen == [("reference", 1), ("ours", 1), ("reference", 2), ("ours", 2)] * 2
    assert pair == Pair([2.0, 2.0], [1.0, 1.0])
    assert pair.spreads(0.5)["ratio"] == Spread(2.0, 2.0, 2.0, 2)
    assert pair.spreads(0.5)["ours"].median == 2.0


def test_every_line_of_the_registry_is_a_module() -> None:
    entries = [*CPU, *GPU]
    assert len({entry.name for entry in CPU}) == len(CPU)
    for entry in entries:
        assert importlib.util.find_spec(f"benchmarks.{entry.module}") is not None
