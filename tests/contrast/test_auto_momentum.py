from __future__ import annotations

import pytest
from pydantic import ValidationError

from codo.contrast.auto_momentum import auto_momentum
from codo.contrast.infonce import ContrastSettings
from codo.core.errors import InputError


def test_a_tenth_of_the_run_within_limits() -> None:
    assert [auto_momentum(steps) for steps in (1, 100, 400, 700, 2000, 10_000, 10**6)] == [
        0.9,
        0.9,
        0.975,
        0.986,
        0.995,
        0.999,
        0.999,
    ]


def test_a_queue_makes_it_slower_never_faster() -> None:
    assert auto_momentum(400, queue_age=4) == 0.988  # a time constant of 80 steps
    assert auto_momentum(4000, queue_age=4) == auto_momentum(4000)
    assert auto_momentum(400, queue_age=16) == 0.997
    assert auto_momentum(400, queue_age=256) == 0.999  # the paper's queue


@pytest.mark.parametrize(
    ("given", "momentum"),
    [
        ({"queue": 256}, 0.988),  # 4 steps old
        ({"queue": 256, "enqueue_views": "all"}, 0.975),  # three key views: not even 2 steps
        ({"negatives": "batch"}, 0.975),
        ({"momentum": 0.5}, 0.5),
    ],
)
def test_settings_are_resolved_for_a_run(given: dict[str, object], momentum: float) -> None:
    settings = ContrastSettings.model_validate({"momentum": "auto", **given})
    resolved = settings.resolved(steps=400, batch_size=64, views=4)
    assert resolved.momentum == momentum
    assert resolved.momentum_at(3, 400) == momentum
    assert settings.resolved(400, 64, 4, queue=False).momentum == (0.5 if "momentum" in given else 0.975)


def test_it_may_rise_from_there() -> None:
    rising = ContrastSettings(momentum="auto", momentum_end=1.0).resolved(400, 64, 2, queue=False)
    assert [rising.momentum_at(step, 400) for step in (0, 400)] == [0.975, 1.0]


def test_what_is_not_a_momentum_is_refused() -> None:
    for wrong in ("fast", 1.2, -0.1, None):
        with pytest.raises(ValidationError, match="must be a number from 0 to 1, or auto"):
            ContrastSettings.model_validate({"momentum": wrong})
    with pytest.raises(ValueError, match="not resolved"):
        ContrastSettings(momentum="auto").momentum_at(0, 1)
    with pytest.raises(InputError, match="needs the negatives of the batch"):
        ContrastSettings(symmetric=True)
