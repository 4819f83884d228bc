"""The plain step computes what ours does, step after step; and the benchmarks of both run."""

from __future__ import annotations

import argparse

import pytest
import torch
from benchmarks.plain_step import PlainStep
from benchmarks.steps import OPTIM, OurStep, Size, method, views

from benchmarks import frozen_step, gpu_step, step
from tests.compiler import needs_compiler


@pytest.mark.parametrize("count", [2, 3])
def test_plain_and_ours_stay_together(count: int) -> None:
    size, cpu = Size(8, count).tiny(), torch.device("cpu")
    start = method(size, cpu)
    plain, ours = PlainStep(start, OPTIM), OurStep(start, bf16=False)
    for number in range(3):
        batch = views(size, cpu)._replace(step=number)
        assert ours(batch).item() == pytest.approx(plain(batch), rel=1e-3 if number else 1e-5)
    assert torch.allclose(start.queue.keys, plain.queue, atol=1e-3)


def test_the_step_on_a_cpu_runs() -> None:
    (row,) = step.rows(argparse.Namespace(smoke=True, batch=8, groups=2, compile=False))
    assert row.target == "T5"
    assert all(check.passed for check in row.checks), row.checks
    assert "GFLOP at" in row.note


@needs_compiler
def test_the_frozen_step_runs_with_less_to_do() -> None:
    rows = list(frozen_step.rows(argparse.Namespace(smoke=True, batch=8, groups=2)))
    assert [row.target for row in rows] == ["T5"] * 5
    assert all(check.passed for row in rows for check in row.checks)
    backbone, compiled, symmetric, _, pyramid = (float(row.note.split()[-4]) for row in rows)
    assert backbone == compiled
    assert 1 > backbone > symmetric > 0  # both encoders share the maps
    assert backbone > pyramid > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="on a GPU it is measured, not tried")
def test_the_steps_of_a_gpu_run_tiny() -> None:
    rows = list(gpu_step.rows(argparse.Namespace(smoke=True, data=None)))
    assert {row.target for row in rows} == {"T6"}
    assert [row.what.split(",")[0] for row in rows] == ["step"] * 4 + ["wait for data"]
    assert all(check.passed for row in rows for check in row.checks)


def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="needs a GPU"):
        next(gpu_step.rows(argparse.Namespace(smoke=False, data=None)))
