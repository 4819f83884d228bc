"""Where the time of a step goes: a trace of a few steps, and a summary on one screen (``--profile``).

::

    RUN/trace.json     the profiled steps, for chrome://tracing or ui.perfetto.dev

Stages are marked where they happen (`codo.methods.base.stage`); a mark costs a microsecond when nobody looks. A stage's
time on the host is that between its marks, less the stages within it. On a GPU the host only hands out work, so that a
kernel is charged to the stage in which the host *launched* it, in whatever thread: the backward pass has its own.
Nothing is synchronized, and the run computes what it computes without.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, schedule

from codo.methods.base import STAGE, stage
from codo.training.logging import RunLog

WARM, STEPS = 3, 5
"""Steps left out (they compile, allocate and fill caches), and steps profiled."""
OPERATORS = 8
"""Operators in the summary."""
WAIT = "data wait"
_STEP = "ProfilerStep"  # its number comes as "#3" or "*", by the release of torch


class Span(NamedTuple):
    """Something that took time: microseconds from ``start`` to ``end``, ``device`` of them on the GPU."""

    name: str
    start: float
    end: float
    device: float = 0.0


class Share(NamedTuple):
    """Microseconds of a stage over all profiled steps."""

    name: str
    host: float
    device: float


class Profiler:
    """Watches some steps of a run; without a log of a run (another rank, or not asked for) it does nothing.

    Args:
        log: Of the run.
        steps: Steps that are still to be done.
        device: Where they are computed.
    """

    def __init__(self, log: RunLog, steps: int, device: torch.device) -> None:
        self.log = log
        self.profile: profile | None = None
        if log.run is None or not log.settings.profile or steps < 1:
            return
        warm = min(WARM, steps - 1)
        activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
        plan = schedule(wait=0, warmup=warm, active=min(STEPS, steps - warm), repeat=1)
        self.profile = profile(activities=activities, schedule=plan, on_trace_ready=self._tell)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While the steps run."""
        if self.profile is None:
            yield
            return
        with self.profile:
            yield

    def step(self) -> None:
        """A step is done."""
        if self.profile is not None:
            self.profile.step()

    def _tell(self, done: Any) -> None:
        assert self.log.run is not None
        trace = self.log.run.path / "trace.json"
        done.export_chrome_trace(str(trace))
        self.log.say(f"{summary(done)}\ntrace: {trace}")


def waits(batches: Iterable[Any]) -> Iterator[Any]:
    """The batches, the wait for each marked as a stage."""
    source = iter(batches)
    while True:
        with stage(WAIT):
            try:
                batch = next(source)
            except StopIteration:
                return
        yield batch


def summary(done: Any) -> str:
    """Stages and costliest operators of a finished profile, in milliseconds a step."""
    events = [e for e in done.events() if e.device_type == DeviceType.CPU]  # kernels are told by who launched them
    spans = [Span(e.name, e.time_range.start, e.time_range.end, sum(k.duration for k in e.kernels)) for e in events]
    marks = [s for s in spans if s.name.startswith(STAGE)]
    steps = sum(s.name == STAGE + WAIT for s in marks)
    if not steps:
        return "profile: torch recorded no step"
    # All of the steps by torch's own marks; where it kept none, from the first of ours to the last.
    whole = sum(s.end - s.start for s in spans if s.name.startswith(_STEP))
    whole = whole or max(s.end for s in marks) - min(s.start for s in marks)
    launches = [s for s in spans if s.device and not s.name.startswith((STAGE, _STEP))]
    found = shares(marks, launches)
    found.append(Share("rest: log, checks", whole - sum(s.host for s in found), 0.0))
    gpu, unit = bool(launches), steps * 1e3
    lines = [
        f"profile of {steps} steps of {whole / unit:.1f} ms; ms a step:",
        f"  {'stage':<24} {'host':>8} {'':>5} {'GPU' if gpu else '':>8}",
    ]
    for name, host, device in found:
        lines.append(
            f"  {name:<24} {host / unit:>8.1f} {host / whole:>5.0%} {f'{device / unit:.1f}' if gpu else '':>8}"
        )
    own = "self_device_time_total" if gpu else "self_cpu_time_total"
    rows = [e for e in done.key_averages() if not e.key.startswith((STAGE, _STEP))]
    costliest = sorted(rows, key=lambda e: -getattr(e, own))[:OPERATORS]
    lines.append(f"  {'operator':<40} {'itself':>8} {'calls':>6}")
    lines += [f"  {e.key[:40]:<40} {getattr(e, own) / unit:>8.1f} {e.count / steps:>6.0f}" for e in costliest]
    return "\n".join(line.rstrip() for line in lines)


def shares(stages: Sequence[Span], kernels: Sequence[Span]) -> list[Share]:
    """Time of each stage by itself, in the order in which they first begin.

    Args:
        stages: Marked stretches of the host, nested or apart; a name may come many times.
        kernels: Calls on the host that launched something, with its time on the device.
    """
    totals: dict[str, list[float]] = {}
    ordered = sorted(stages, key=lambda s: (s.start, -s.end))
    for span in ordered:
        totals.setdefault(span.name, [0.0, 0.0])[0] += span.end - span.start
        if (outer := _innermost(ordered, span.start, span)) is not None:
            totals[outer.name][0] -= span.end - span.start
    for kernel in kernels:
        if (inside := _innermost(ordered, kernel.start)) is not None:
            totals[inside.name][1] += kernel.device
    return [Share(name.removeprefix(STAGE), host, device) for name, (host, device) in totals.items()]


def _innermost(stages: Sequence[Span], moment: float, but: Span | None = None) -> Span | None:
    """The last stage to begin of those that hold a moment; with ``but``, of those around it."""
    around = [s for s in stages if s is not but and s.start <= moment < s.end and (but is None or s.end >= but.end)]
    return max(around, key=lambda s: (s.start, -s.end), default=None)
