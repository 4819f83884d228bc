"""What a summary remembers of a log."""

from __future__ import annotations

import json
import math

import pytest

from codo.evaluation.run_summary import MAX_BLOCKS, Curve, RunSummary


def curve(values: list[float]) -> Curve:
    one = Curve()
    for value in values:
        one.add(value)
    return one


def test_now_is_the_mean_of_the_last_five() -> None:
    assert curve([3.0]).now == 3.0
    assert curve([100.0, 1.0, 2.0, 3.0, 4.0, 5.0]).now == 3.0


def test_before_the_first_block_nothing_has_changed() -> None:
    one = curve([1.0, 9.0, 1.0, 9.0])
    assert one.first is None
    assert one.lowest == one.highest == one.now == 5.0


def test_extremes_are_those_of_blocks() -> None:
    one = curve([2.0] * 5 + [0.0, 0.0, 0.0, 0.0, 5.0] + [9.0] * 5 + [4.0] * 3)
    assert (one.first, one.lowest, one.highest) == (2.0, 1.0, 9.0)


def test_a_dip_is_forgotten_as_a_share_of_the_run() -> None:
    young, old = curve([0.0] * 5 + [1.0] * 70), curve([0.0] * 5 + [1.0] * 5000)
    assert young.lowest == 0.0
    assert 0.9 < old.lowest < 1.0  # one part in a hundred of the first block


@pytest.mark.parametrize("count", [5, 79, 80, 81, 1234])
def test_blocks_are_few_and_equally_long(count: int) -> None:
    one = curve([float(i) for i in range(count)])
    assert 1 <= len(one._means) < MAX_BLOCKS
    gaps = {b - a for a, b in zip(one._means, one._means[1:], strict=False)}
    assert len(gaps) <= 1  # of a straight line the means of equal blocks are equally far apart


def test_a_summary_takes_what_it_knows() -> None:
    summary = RunSummary.of(
        [
            {"step": 0, "invariance": 0.3, "probe/roi/knn": 0.2},
            {"step": 10, "loss": 5.0, "loss/P2": 2.0, "std/P2": 0.05, "lr": 0.1, "alarms": []},
            {"step": 20, "loss/P2": 4.0, "loss/P3": None, "top1/P2": "?"},
            {"step": 30, "probe/roi/knn": 0.2},
        ]
    )
    assert summary.step == 20
    assert summary.not_finite == {"P3"}
    assert summary.levels("loss").keys() == {"P2"}
    loss, std = summary.curve("loss", "P2"), summary.curve("std", "P2")
    assert loss is not None
    assert std is not None
    assert (loss.now, std.now) == (3.0, 0.05)
    assert summary.curve("top1", "P2") is None


def test_values_in_memory_and_in_the_log_count_alike() -> None:
    row = {"loss/P2": math.nan, "loss/P3": math.inf, "loss/P4": 1.0, "std/P2": math.nan}
    live, read = RunSummary(), RunSummary()
    live.add(5, row)
    finite = {key: value if math.isfinite(value) else None for key, value in row.items()}
    read.add(5, json.loads(json.dumps(finite)))
    assert live.not_finite == read.not_finite == {"P2", "P3"}
    assert not live.levels("std")
    assert not read.levels("std")
