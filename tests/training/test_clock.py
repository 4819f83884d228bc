"""Rates and waits by hand, on a clock that is set."""

from __future__ import annotations

import time

import pytest
import torch

from codo.training.clock import Clock


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What time it is; to be set."""
    time_is = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: time_is[0])
    return time_is


def test_rate_and_share_of_waiting_are_those_since_the_last_lap(now: list[float]) -> None:
    clock = Clock(torch.device("cpu"), images_per_step=8)
    for waits, works in ((1.0, 3.0), (0.5, 3.5)):
        now[0] += waits
        clock.waited()
        now[0] += works
        clock.resume()
    lap = clock.lap()
    assert lap["time/images_per_s"] == pytest.approx(2 * 8 / 8.0)
    assert lap["time/data_wait"] == pytest.approx(1.5 / 8.0)
    assert lap["time/memory_mb"] > 1
    now[0] += 2.0
    clock.waited()
    now[0] += 2.0
    again = clock.lap()
    assert again["time/images_per_s"] == pytest.approx(8 / 4.0)
    assert again["time/data_wait"] == pytest.approx(2.0 / 4.0)


def test_the_bar_shows_rows_with_a_loss() -> None:
    row = {"loss": 1.23456, "time/images_per_s": 99.6, "time/data_wait": 0.257}
    assert Clock.postfix(row) == {"loss": "1.235", "images/s": "100", "data_wait": "26%"}
    assert Clock.postfix({"invariance": 0.5}) is None
