"""``--profile``: a trace of a few steps, and a summary of the time of each stage and operator.

::

    RUN/trace.json     the profiled steps, for chrome://tracing or ui.perfetto.dev

Stages are marked in the code by `codo.methods.base.stage`; a mark costs a microsecond without a profiler. The host time
of a stage excludes nested stages. On a GPU, where the host only launches work, the time of a kernel counts for the
stage in which the host *launched* it, in whatever thread: the backward pass has its own. Nothing is synchronized, and
profiling does not change what the run computes.
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
"""Steps skipped first (they compile, allocate and fill caches), and steps profiled."""
OPERATORS = 8
"""Operators in the summary."""
WAIT = "data wait"
_STEP = "ProfilerStep"  # followed by "#3" or "*", depending on the release of torch


class Span(NamedTuple):
    """A time interval on the host, from ``start`` to ``end`` in microseconds, and its GPU time ``device``."""

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
    """Profiles a few steps of a run; on other ranks, or without ``log.profile``, every method is a no-op.

    Args:
        log: The log of the run.
        steps: Number of remaining steps.
        device: Device of the training.
    """

    def __init__(self, log: RunLog, steps: int, device: torch.device) -> None:
        self.log = log
        self.profile: profile | None = None
        if log.run is None or not log.settings.profile or steps < 1:
            return
        warm = min(WARM, steps - 1)
        activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
        plan = schedule(wait=0, warmup=warm, active=min(STEPS, steps - warm), repeat=1)
        self.profile = profile(activities=activities, schedule=plan, on_trace_ready=self._report)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """The context in which the steps run."""
        if self.profile is None:
            yield
            return
        with self.profile:
            yield

    def step(self) -> None:
        """Call it after each step."""
        if self.profile is not None:
            self.profile.step()

    def _report(self, done: Any) -> None:
        assert self.log.run is not None
        trace = self.log.run.path / "trace.json"
        done.export_chrome_trace(str(trace))
        self.log.info(f"{summary(done)}\ntrace: {trace}")


def waits(batches: Iterable[Any]) -> Iterator[Any]:
    """Iterate over the batches, marking the wait for each as a stage."""
    source = iter(batches)
    while True:
        with stage(WAIT):
            try:
                batch = next(source)
            except StopIteration:
                return
        yield batch


def summary(done: Any) -> str:
    """Stages and most expensive operators of a finished profile, in milliseconds per step."""
    events = [e for e in done.events() if e.device_type == DeviceType.CPU]  # kernels are listed with their launch
    spans = [Span(e.name, e.time_range.start, e.time_range.end, sum(k.duration for k in e.kernels)) for e in events]
    marks = [s for s in spans if s.name.startswith(STAGE)]
    steps = sum(s.name == STAGE + WAIT for s in marks)
    if not steps:
        return "profile: torch recorded no step"
    # Time of all steps by torch's step marks; without those, from the first stage mark to the last.
    total = sum(s.end - s.start for s in spans if s.name.startswith(_STEP))
    total = total or max(s.end for s in marks) - min(s.start for s in marks)
    launches = [s for s in spans if s.device and not s.name.startswith((STAGE, _STEP))]
    found = shares(marks, launches)
    found.append(Share("rest: log, checks", total - sum(s.host for s in found), 0.0))
    gpu, unit = bool(launches), steps * 1e3
    lines = [
        f"profile of {steps} steps of {total / unit:.1f} ms; ms per step:",
        f"  {'stage':<24} {'host':>8} {'':>5} {'GPU' if gpu else '':>8}",
    ]
    for name, host, device in found:
        lines.append(
            f"  {name:<24} {host / unit:>8.1f} {host / total:>5.0%} {f'{device / unit:.1f}' if gpu else '':>8}"
        )
    self_time = "self_device_time_total" if gpu else "self_cpu_time_total"
    rows = [e for e in done.key_averages() if not e.key.startswith((STAGE, _STEP))]
    slowest = sorted(rows, key=lambda e: -getattr(e, self_time))[:OPERATORS]
    lines.append(f"  {'operator':<40} {'self':>8} {'calls':>6}")
    lines += [f"  {e.key[:40]:<40} {getattr(e, self_time) / unit:>8.1f} {e.count / steps:>6.0f}" for e in slowest]
    return "\n".join(line.rstrip() for line in lines)


def shares(stages: Sequence[Span], kernels: Sequence[Span]) -> list[Share]:
    """Time of each stage without nested stages, in the order of their first start.

    Args:
        stages: Marked intervals of the host, nested or not; a name may occur many times.
        kernels: Calls on the host that launched a kernel, with its time on the device.
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


def _innermost(stages: Sequence[Span], moment: float, child: Span | None = None) -> Span | None:
    """The innermost stage that contains a moment; with ``child``, the innermost that contains this stage."""
    around = [
        s for s in stages if s is not child and s.start <= moment < s.end and (child is None or s.end >= child.end)
    ]
    return max(around, key=lambda s: (s.start, -s.end), default=None)
