"""Alarms on the settings of docs/method.md#drift-collapse, and silence on healthy ones."""

from __future__ import annotations

import math

import pytest

from codo.training.monitors import HealthMonitor, queue_warning

CHANCE = math.log(4097)


def row(loss: float, top1: float, std: float, norm: float, wait: float = 0.0) -> dict[str, float]:
    values = {"time/data_wait": wait}
    for level in ("P2", "P5"):
        values |= {f"loss/{level}": loss, f"top1/{level}": top1, f"std/{level}": std, f"mean_norm/{level}": norm}
    return values


def alarms(step: int = 1000, **values: float) -> list[str]:
    health = HealthMonitor(dim=128, queue=4096, grace=200)
    return health.look(step, row(**values))


@pytest.mark.parametrize(
    ("loss", "top1", "std", "norm"),
    [(7.97, 0.95, 0.004, 0.99), (7.98, 1.0, 0.004, 0.99), (6.91, 0.3, 0.0019, 1.0), (7.71, 0.9, 0.0007, 1.0)],
)
def test_the_drifting_rows_of_the_table(loss: float, top1: float, std: float, norm: float) -> None:
    (message,) = alarms(loss=loss, top1=top1, std=std, norm=norm)
    assert message.startswith("Drift collapse")
    assert "optim.lr" in message


@pytest.mark.parametrize(("loss", "std", "norm"), [(8.18, 0.051, 0.77), (8.0, 0.062, 0.66), (7.87, 0.066, 0.62)])
def test_the_healthy_rows_of_the_table(loss: float, std: float, norm: float) -> None:
    assert alarms(loss=loss, top1=0.0, std=std, norm=norm) == []


def test_late_success_is_no_alarm() -> None:
    """A trained model finds most keys: top-1 is high, but the embeddings are spread and the loss is low."""
    assert alarms(loss=1.5, top1=0.8, std=0.085, norm=0.2) == []


def test_plain_collapse() -> None:
    (message,) = alarms(loss=CHANCE, top1=0.0, std=0.001, norm=0.999)
    assert message.startswith("Collapse")


def test_one_bad_level_is_enough() -> None:
    health = HealthMonitor(dim=128, queue=4096, grace=200)
    values = row(8.0, 0.0, 0.06, 0.7) | {"std/P5": 0.001, "mean_norm/P5": 1.0}
    assert "P5" in health.look(1000, values)[0]


def test_the_start_is_not_judged() -> None:
    assert alarms(step=199, loss=CHANCE, top1=0.0, std=0.001, norm=0.999) == []


def test_drift_is_seen_early() -> None:
    """Values of a real run with lr .06 and momentum .99, at step 100."""
    (message,) = alarms(step=100, loss=5.84, top1=0.27, std=0.023, norm=0.952)
    assert message.startswith("Drift collapse")
    assert alarms(step=10, loss=5.84, top1=0.27, std=0.023, norm=0.952) == []


def test_waiting_for_data() -> None:
    health = HealthMonitor(dim=None, queue=None, grace=0)
    seen = [health.slow({"time/data_wait": 0.3}) for _ in range(6)]
    assert seen[:4] == [None] * 4  # not for a single slow stretch
    assert "workers=" in str(seen[4])
    assert "--pack" in str(seen[5])


def test_queue_larger_than_the_data() -> None:
    assert queue_warning(1000, 1000) is None
    message = queue_warning(65536, 170)
    assert message is not None
    assert "contrast.queue=85" in message
