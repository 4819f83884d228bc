"""The health of a run on its page: the verdict with its checks, the alarms, and a note on a slow loader."""

from __future__ import annotations

from collections.abc import Sequence

from codo.core.numbers import number
from codo.core.run import Run
from codo.core.run_files import warnings_of
from codo.evaluation.health import WAIT, HealthReference, slow_loader
from codo.evaluation.health_checks import judge
from codo.evaluation.run_metrics import Metrics
from codo.reporting.html.blocks import Block, Table, Text, Verdict


def health_block(metrics: Metrics, reference: HealthReference, heading: str = "") -> list[Block]:
    """The checks of a pretraining run, below the verdict, or a ``heading`` where the page has begun with the verdict.

    Empty if there is neither a verdict to show nor a check.
    """
    health = judge(metrics, reference)
    return [] if heading and not health.checks else [Verdict(health.tone, heading or health.headline, health.checks)]


def loader_note(metrics: Metrics) -> list[Block]:
    """A paragraph if training waited too long for data at the end of the log."""
    warning = slow_loader(metrics.series(WAIT).values)
    return [Text([warning])] if warning else []


def alarms_block(run: Run, metrics: Metrics) -> list[Block]:
    """Alarms with their steps, and the other warnings of train.log."""
    alarms = metrics.alarms()
    rows = [("train.log", message) for message in warnings_of(run) if message not in alarms]
    rows += [(_steps(steps), message) for message, steps in alarms.items()]
    return [Table(["Step", "Alarm"], rows, "Alarms and warnings of this run.", text=True)] if rows else []


def _steps(steps: Sequence[int]) -> str:
    first, last = number(steps[0]), number(steps[-1])
    return first if len(steps) == 1 else f"{first} to {last} ({len(steps)} times)"
